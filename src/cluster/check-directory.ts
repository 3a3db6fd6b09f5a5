// Verifies a data directory without a server: every checksum in it, and that its parts fit
// together.
import { viewOf } from "../base/bytes.ts";
import { DbError } from "../base/errors.ts";
import { appliedCommands } from "../commands/applied-commands.ts";
import { decodeOperation, operationCommandId } from "../commands/operation.ts";
import { MemoryKeyspace } from "../keyspace/memory/memory-keyspace.ts";
import type { Scheduler } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import { EntryType } from "../raft/types.ts";
import { Applier } from "../replica/applier.ts";
import { ENTRY_HEADER_BYTES, readEntryHeader } from "../replica/entry-header.ts";
import { SnapshotInstaller } from "../replica/snapshots.ts";
import { type SnapshotFile, SnapshotStore } from "../replica/snapshot-store.ts";
import { Args } from "../resp/args.ts";
import { findLog } from "../wal/recovery.ts";
import { replay } from "../wal/replay.ts";
import type { WalCut } from "../wal/wal-types.ts";
import { type Identity, loadIdentity } from "./identity.ts";
import { Recovery } from "./recovery.ts";
import { RUN_FILE } from "./trust.ts";

/** One thing that is wrong. */
export interface Finding {
  /** Code of the error, as in docs/reference/errors.md. */
  readonly code: string;
  /** In words, with file and offset where they are known. */
  readonly message: string;
}

/** What was found in a data directory. */
export interface CheckReport {
  readonly identity: Identity | null;
  readonly log: {
    readonly segments: number;
    readonly frames: number;
    readonly entries: number;
    readonly operations: number;
    readonly cleanShutdown: boolean;
    /** The end that a crash left unfinished: cut at the next start, not damage. */
    readonly cut: WalCut | null;
  };
  readonly snapshots: { readonly file: string; readonly index: number; readonly keys: number }[];
  readonly findings: readonly Finding[];
}

/**
 * Reads everything in a data directory that no server uses.
 *
 * @throws The disk's errors, `EBUSY` when a server uses the directory; damage is reported, not
 * thrown.
 */
export async function checkDirectory(
  disk: Disk,
  scheduler: Scheduler,
  directory: string,
): Promise<CheckReport> {
  const names = await disk.list(directory);
  if (names.length === 0) {
    throw new DbError("NOT_A_DATA_DIRECTORY", `${directory} is empty or does not exist`);
  }
  const lock = await disk.lock(directory);
  try {
    return await new Check(disk, scheduler, directory).run();
  } finally {
    await lock.release();
  }
}

class Check {
  readonly #disk: Disk;
  readonly #scheduler: Scheduler;
  readonly #directory: string;
  readonly #findings: Finding[] = [];
  readonly #recovery = new Recovery();
  readonly #args = new Args();
  #operations = 0;
  #entries = 0;
  #snapshotFiles = 0;

  constructor(disk: Disk, scheduler: Scheduler, directory: string) {
    this.#disk = disk;
    this.#scheduler = scheduler;
    this.#directory = directory;
  }

  async run(): Promise<CheckReport> {
    const identity = await this.#try(() => loadIdentity(this.#disk, this.#directory), null);
    if (identity === null && this.#findings.length === 0) {
      this.#add("NO_IDENTITY", `${this.#directory} has no kvorum.json: it never was a node's`);
    }
    const log = await this.#checkLog();
    const snapshots = await this.#checkSnapshots();
    await this.#checkLogIsThere(log.segments);
    return { identity, log, snapshots, findings: this.#findings };
  }

  async #checkLog(): Promise<CheckReport["log"]> {
    const nothing = { segments: 0, frames: 0, cleanShutdown: true, cut: null };
    const found = await this.#try(async () => {
      const log = await findLog(this.#disk, `${this.#directory}/log`);
      replay(log, this.#recovery);
      const { segments, frames, cleanShutdown, cut } = log;
      return { segments: segments.length, frames, cleanShutdown, cut };
    }, nothing);
    for (const [shard, { entries }] of this.#recovery.shards) {
      for (const entry of entries) {
        this.#entries++;
        if (entry.type === EntryType.normal) this.#checkEntry(shard, entry.index, entry.data);
      }
    }
    return { ...found, entries: this.#entries, operations: this.#operations };
  }

  #checkEntry(shard: number, index: number, data: Uint8Array): void {
    const view = viewOf(data);
    const header = { operations: 0, timeMs: 0, ceilingMs: 0, seed1: 0, seed2: 0 };
    try {
      readEntryHeader(view, header);
      let at = ENTRY_HEADER_BYTES;
      for (let i = 0; i < header.operations; i++) {
        const id = operationCommandId(view, at);
        at = decodeOperation(data, view, at, this.#args);
        if (appliedCommands.byId(id) === undefined) {
          throw new DbError("BAD_ENTRY", `command ${id} is not known to this release`);
        }
        this.#operations++;
      }
    } catch (error) {
      this.#note(error, `shard ${shard}, entry ${index}: `);
    }
  }

  async #checkSnapshots(): Promise<CheckReport["snapshots"]> {
    const checked: CheckReport["snapshots"] = [];
    const root = `${this.#directory}/snapshots`;
    for (const name of await this.#disk.list(root)) {
      const store = new SnapshotStore(this.#disk, this.#scheduler, `${root}/${name}`);
      for (const file of await store.list()) {
        this.#snapshotFiles++;
        const keys = await this.#try(() => this.#load(store, file), -1);
        if (keys >= 0) checked.push({ file: file.path, index: file.index, keys });
      }
    }
    for (const [shard, { snapshotIndex }] of this.#recovery.shards) {
      if (snapshotIndex === 0 || checked.some(({ index }) => index === snapshotIndex)) continue;
      const text = `shard ${shard}: the log begins behind snapshot ${snapshotIndex}`;
      this.#add("SNAPSHOT_MISSING", `${text}, not found whole in ${root}`);
    }
    return checked;
  }

  /** A node that has run has a log; only what it left behind tells that it has. */
  async #checkLogIsThere(segments: number): Promise<void> {
    if (segments > 0 || this.#findings.some(({ code }) => code === "WAL_CORRUPT")) return;
    const hasRun = (await this.#disk.list(this.#directory)).includes(RUN_FILE);
    if (!hasRun && this.#snapshotFiles === 0) return;
    const text = "this node has run before, and nothing is left of its log";
    this.#add("LOG_LOST", `${text} in ${this.#directory}/log`);
  }

  async #load(store: SnapshotStore, file: SnapshotFile): Promise<number> {
    const applier = new Applier(new MemoryKeyspace({ seed0: 1, seed1: 2 }), appliedCommands);
    const installer = new SnapshotInstaller(applier);
    await store.read(file, installer);
    return applier.keyspace.stats().keys;
  }

  async #try<T>(run: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await run();
    } catch (error) {
      this.#note(error, "");
      return otherwise;
    }
  }

  #note(error: unknown, place: string): void {
    if (!(error instanceof DbError)) throw error;
    const { offset } = error.facts;
    const where = offset === undefined ? "" : ` at offset ${offset}`;
    this.#add(error.code, `${place}${error.message}${where}`);
  }

  #add(code: string, message: string): void {
    this.#findings.push({ code, message });
  }
}

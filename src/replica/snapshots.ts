// Decides when a shard's state is saved, saves it, and lets the log forget what the snapshot holds.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { Clock } from "../platform/clock.ts";
import { SnapshotLoader } from "../keyspace/memory/snapshot-loader.ts";
import type { Applier } from "./applier.ts";
import type { Replica } from "./replica.ts";
import {
  decodeMeta,
  Section,
  SectionParser,
  type SectionSink,
  type SnapshotMeta,
} from "./snapshot-file.ts";
import type { SnapshotFile, SnapshotStore } from "./snapshot-store.ts";
import { SnapshotStream } from "./snapshot-stream.ts";

/** The parts of the log that snapshots move on. */
export interface SnapshotLog {
  appendSnapshotMark(shard: number, index: number, term: number): void;
  /** Everything up to `index` is in a durable snapshot. */
  setFloor(shard: number, index: number): void;
  /** Writes what was appended; resolves when it is durable. */
  sync(): Promise<void>;
}

/** Saves of the past and the one that runs. Times in milliseconds. */
export interface SnapshotsView {
  readonly running: boolean;
  readonly runningMs: number;
  /** Unix ms. */
  readonly lastAtMs: number;
  readonly lastOk: boolean;
  /** -1 before the first. */
  readonly lastDurationMs: number;
  readonly lastBytes: number;
  readonly count: number;
}

/** Loads a snapshot's sections into an empty state machine. */
export class SnapshotInstaller implements SectionSink {
  readonly #applier: Applier;
  readonly #loader: SnapshotLoader;
  readonly #parser: SectionParser;
  #meta: SnapshotMeta | null = null;

  constructor(applier: Applier) {
    this.#applier = applier;
    this.#loader = new SnapshotLoader(applier.keyspace);
    this.#parser = new SectionParser(this);
  }

  /** Takes the next bytes. Throws DbError `SNAPSHOT_CORRUPT`. */
  add(bytes: Uint8Array): void {
    this.#parser.add(bytes);
  }

  onSection(kind: number, payload: Uint8Array): void {
    if (kind === Section.meta) this.#meta = decodeMeta(payload);
    else if (kind === Section.sessions) this.#applier.sessions.decode(payload);
    else if (kind === Section.keyspace) this.#loader.add(payload);
  }

  /** Ends the load; returns what the snapshot says of itself. */
  finish(): SnapshotMeta {
    this.#parser.finish();
    const meta = this.#meta;
    if (meta === null) throw new DbError("SNAPSHOT_CORRUPT", "snapshot is damaged: it has no meta");
    this.#loader.finish();
    this.#applier.restore(meta.index, meta.term, meta.timeMs, meta.ceilingMs);
    this.#applier.members = meta.members;
    failpoints.reached?.("snapshot.state.loaded");
    return meta;
  }
}

/** Snapshots of one replica. */
export class Snapshots {
  readonly #replica: Replica;
  readonly #store: SnapshotStore;
  readonly #log: SnapshotLog;
  #running: Promise<SnapshotFile> | null = null;
  #newest: SnapshotFile | null;
  readonly #clock: Clock;
  #startedMs = 0;
  /** Unix ms of the last success; 0 before the first. */
  #lastSavedMs = 0;
  #lastOk = true;
  #lastDurationMs = -1;
  #lastBytes = 0;
  #count = 0;

  constructor(
    replica: Replica,
    store: SnapshotStore,
    log: SnapshotLog,
    clock: Clock,
    newest: SnapshotFile | null,
  ) {
    this.#clock = clock;
    this.#replica = replica;
    this.#store = store;
    this.#log = log;
    this.#newest = newest;
  }

  get saving(): boolean {
    return this.#running !== null;
  }

  /** Index of the newest durable snapshot, 0 when there is none. */
  get index(): number {
    return this.#newest?.index ?? 0;
  }

  get newest(): SnapshotFile | null {
    return this.#newest;
  }

  get store(): SnapshotStore {
    return this.#store;
  }

  /** For people: what was saved when. `sinceMs`: Unix ms that stands for "never saved". */
  view(sinceMs: number): SnapshotsView {
    return {
      running: this.saving,
      runningMs: this.saving ? this.#clock.monotonicMs() - this.#startedMs : 0,
      lastAtMs: this.#lastSavedMs === 0 ? sinceMs : this.#lastSavedMs,
      lastOk: this.#lastOk,
      lastDurationMs: this.#lastDurationMs,
      lastBytes: this.#lastBytes,
      count: this.#count,
    };
  }

  /** What a snapshot taken now would say of itself. */
  metaNow(): SnapshotMeta {
    const { applier, raft, options } = this.#replica;
    return {
      shard: options.shard,
      index: applier.appliedIndex - (plantedBugs.snapshotIndexTooLow ? 1 : 0),
      term: plantedBugs.snapshotWithoutTerm ? 0 : applier.appliedTerm,
      timeMs: applier.timeMs,
      ceilingMs: applier.ceilingMs,
      conf: raft.conf,
      members: applier.members,
    };
  }

  /** A stream of the state as it is now; between entries only. */
  stream(): SnapshotStream {
    return new SnapshotStream(this.#replica.applier, this.metaNow());
  }

  /** Saves the state as it is now, unless a save runs: then resolves with that one. */
  save(): Promise<SnapshotFile> {
    this.#running ??= this.#save().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** A snapshot from a leader was installed. */
  async adopt(file: SnapshotFile): Promise<void> {
    await this.#become(file);
    failpoints.reached?.("install.adopted");
  }

  async #save(): Promise<SnapshotFile> {
    this.#startedMs = this.#clock.monotonicMs();
    try {
      const stream = this.stream();
      const { shard, index } = stream.meta;
      if (plantedBugs.snapshotMissesTail) this.#log.setFloor(shard, index);
      const file = await this.#store.save(stream);
      await this.#become(file);
      this.#lastSavedMs = this.#clock.wallMs();
      this.#lastDurationMs = this.#clock.monotonicMs() - this.#startedMs;
      this.#lastBytes = file.bytes;
      this.#lastOk = true;
      this.#count++;
      return file;
    } catch (error) {
      this.#lastOk = false;
      throw error;
    }
  }

  async #become(file: SnapshotFile): Promise<void> {
    const shard = this.#replica.options.shard;
    invariant(file.index >= this.index, "snapshots move on");
    this.#log.appendSnapshotMark(shard, file.index, file.term);
    failpoints.reached?.("snapshot.mark.appended");
    await this.#log.sync();
    failpoints.reached?.("snapshot.mark.durable");
    this.#newest = file;
    this.#log.setFloor(shard, file.index);
    failpoints.reached?.("snapshot.floor.set");
    await this.#store.prune(file.index);
  }
}

// Whether this node's log holds all that the node acknowledged, as far as that can be known, in a
// small file. Why and what for: docs/decisions/0009-votes-of-logs-that-may-have-lost-entries.md.
import { crc32 } from "../base/checksum.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Disk } from "../platform/disk.ts";
import type { Raft } from "../raft/types.ts";
import type { WalReport, WalSync } from "../wal/wal-types.ts";
import type { NodeEnvironment, NodeOptions } from "./node-environment.ts";
import { readWhole, replaceFile } from "./small-file.ts";

/** Name of the file in the data directory. */
export const RUN_FILE = "run.json";
const FORMAT = 1;
/** A node in doubt that finds no leader for so long says what it waits for, and so often again. */
const WAITING_MS = 5_000;
const WAITING_AGAIN_MS = 30_000;

/** What a node notes of its present run before it serves. */
export interface Run {
  /** The machine's start; empty when it is unknown, or does not matter. */
  readonly bootId: string;
  readonly sync: WalSync;
  /** False: the log may lack what was acknowledged, and has not caught up since. */
  readonly trusted: boolean;
}

/**
 * Judges the log that a node starts with.
 *
 * @param last The run before; null when there is no note of one, "damaged" when it is unreadable.
 * @param bootId The machine's present start, empty when unknown.
 */
export function mayTrust(
  last: Run | null | "damaged",
  bootId: string,
  { cleanShutdown, relaxed }: WalReport,
): boolean {
  if (last === "damaged") return false;
  if (last === null) return cleanShutdown || !relaxed;
  if (!last.trusted) return false;
  if (cleanShutdown) return true;
  switch (last.sync) {
    case "always":
      return true;
    case "everysec":
      // What the process had handed to the system is there unless the machine went down.
      return bootId !== "" && bootId === last.bootId;
    case "no":
      // Acknowledged before the system had it: the process took it along.
      return false;
    default:
      return last.sync satisfies never;
  }
}

/** What the last run of a node noted; null when it never ran. */
export async function readLastRun(
  { disk }: NodeEnvironment,
  { directory }: NodeOptions,
): Promise<Run | null | "damaged"> {
  const bytes = await readWhole(disk, directory, RUN_FILE);
  return bytes === null ? null : decodeRun(bytes);
}

/** The bytes of the file. */
export function encodeRun(run: Run): Uint8Array {
  const file = { format: FORMAT, checksum: checksumOf(run), run };
  return Buffer.from(`${JSON.stringify(file, null, 2)}\n`);
}

/** Reads {@link encodeRun}; "damaged" for anything else. */
export function decodeRun(bytes: Uint8Array): Run | "damaged" {
  try {
    const text = Buffer.from(bytes).toString("utf8");
    const file = JSON.parse(text) as { format: number; checksum: number; run: Run };
    return file.format === FORMAT && file.checksum === checksumOf(file.run) ? file.run : "damaged";
  } catch {
    // Whatever it is, it says nothing that could be trusted.
    return "damaged";
  }
}

function checksumOf({ bootId, sync, trusted }: Run): number {
  const text = Buffer.from(JSON.stringify([bootId, sync, trusted]));
  return crc32(text, 0, text.length);
}

/** The trust in one node's log, from its start on. */
export class Trust {
  readonly #environment: NodeEnvironment;
  readonly #directory: string;
  #run: Run;
  #leaderSeenMs: number;
  #saidMs = Number.NEGATIVE_INFINITY;

  private constructor(environment: NodeEnvironment, directory: string, run: Run) {
    this.#environment = environment;
    this.#directory = directory;
    this.#run = run;
    this.#leaderSeenMs = environment.clock.monotonicMs();
  }

  /** Judges the log that was recovered; the judgement is on disk before the node serves. */
  static async open(
    environment: NodeEnvironment,
    { directory, sync, acceptLoss }: NodeOptions,
    last: Run | null | "damaged",
    report: WalReport,
  ): Promise<Trust> {
    const { disk } = environment;
    const bootId = environment.bootId;
    const isWhole = mayTrust(last, bootId, report);
    failpoints.reached?.("recovery.trust.judged");
    const trusted = isWhole || acceptLoss;
    if (!isWhole) sayDoubt(environment, acceptLoss);
    // With every frame synced the machine's start does not matter: then nothing is ever written
    // again, and a full disk does not hold up a start.
    const run = { bootId: sync === "always" ? "" : bootId, sync, trusted };
    if (last === null || last === "damaged" || !isSame(last, run)) {
      await save(disk, directory, run);
    }
    return new Trust(environment, directory, run);
  }

  get trusted(): boolean {
    return this.#run.trusted;
  }

  /** With the node's tick: notes the end of the doubt, says what it waits for. */
  watch(raft: Raft, isUp: (id: number) => boolean): void {
    if (this.#run.trusted) return;
    if (raft.trusted) this.#onTrusted();
    else this.#maybeSayWaiting(raft, isUp);
  }

  #onTrusted(): void {
    const { disk, report } = this.#environment;
    failpoints.reached?.("trust.regained");
    this.#run = { ...this.#run, trusted: true };
    report("info", "this node's log is whole: its vote counts again", {});
    save(disk, this.#directory, this.#run).catch((error: unknown) => {
      const facts = { file: `${this.#directory}/${RUN_FILE}`, error: String(error) };
      report("warn", "not noted that the log is whole: the next start is in doubt", facts);
    });
  }

  #maybeSayWaiting(raft: Raft, isUp: (id: number) => boolean): void {
    const nowMs = this.#environment.clock.monotonicMs();
    if (raft.leader !== 0) this.#leaderSeenMs = nowMs;
    if (nowMs - this.#leaderSeenMs < WAITING_MS || nowMs - this.#saidMs < WAITING_AGAIN_MS) return;
    this.#saidMs = nowMs;
    const { voters, votersOutgoing } = raft.conf;
    const all = [...new Set([...voters, ...votersOutgoing])].filter((id) => id !== raft.id);
    const missing = all.filter((id) => !isUp(id));
    this.#environment.report(
      "warn",
      "no leader: this node may have lost acknowledged writes, and so many other voters are down " +
        "or may have too that only all of them together can elect one; start the missing ones, " +
        "or, if they are gone for good, the others again with --accept-loss yes",
      { missing: missing.join(", ") },
    );
  }
}

function sayDoubt({ report }: NodeEnvironment, accepted: boolean): void {
  const what = "this node may have lost writes that it acknowledged (--fsync everysec or no)";
  const then = accepted
    ? "its vote counts all the same, as --accept-loss says"
    : "its vote counts only beside those of all other voters until it has caught up";
  report("warn", `${what}: ${then}`, {});
}

function isSame(left: Run, right: Run): boolean {
  return checksumOf(left) === checksumOf(right);
}

async function save(disk: Disk, directory: string, run: Run): Promise<void> {
  await replaceFile(disk, directory, RUN_FILE, encodeRun(run));
  failpoints.reached?.("run.saved");
}

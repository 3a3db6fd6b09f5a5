// What a node stands on, and how it runs.
import type { Clock, Scheduler } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import type { Random } from "../platform/random.ts";
import { raftDefaults } from "../raft/raft-config.ts";
import type { WalSync } from "../wal/wal-types.ts";

/** Milliseconds between ticks of the consensus core. */
export const TICK_MS = 50;

/** How a node runs. */
export interface NodeOptions {
  readonly directory: string;
  readonly sync: WalSync;
  /** Bytes of one segment of the log. */
  readonly segmentBytes: number;
  /** Bytes of entries after the last snapshot that make a new one worth its work. */
  readonly snapshotLogBytes: number;
  /** Shortest election timeout, in ticks of 50 ms. */
  readonly electionTicks: number;
  /** Bytes of entries that travel to a follower in one message; a larger entry travels alone. */
  readonly entryBytesPerMessageMax: number;
  /** Messages with entries that may be on their way to one follower. */
  readonly inflightMessagesMax: number;
  /** Its vote counts even when its log may have lost acknowledged writes. */
  readonly acceptLoss: boolean;
}

/** Settings for a server. */
export const defaultNodeOptions: Omit<NodeOptions, "directory"> = {
  sync: "always",
  segmentBytes: 64 * 1024 * 1024,
  snapshotLogBytes: 128 * 1024 * 1024,
  electionTicks: 10,
  entryBytesPerMessageMax: raftDefaults.entryBytesPerMessageMax,
  inflightMessagesMax: raftDefaults.inflightMessagesMax,
  acceptLoss: false,
};

/** Facts beside a message in the node's log. */
export type Facts = Readonly<Record<string, string | number | boolean | null>>;

/** What a node stands on. */
export interface NodeEnvironment {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly disk: Disk;
  /**
   * Which start of the machine this is: another one means that what was not synced is gone. Empty:
   * unknown.
   */
  readonly bootId: string;
  readonly report: (level: "info" | "warn" | "error", message: string, facts: Facts) => void;
  /** The node cannot go on safely: end the process. */
  readonly onFatal: (error: Error) => void;
}

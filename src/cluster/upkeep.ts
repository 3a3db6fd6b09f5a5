// Work in the background of a replica: gives back dead memory, and saves snapshots so that the log
// can end.
import type { Clock, Scheduler } from "../platform/clock.ts";
import type { Entry } from "../raft/types.ts";
import type { Replica } from "../replica/replica.ts";
import type { ReplicaLog } from "../replica/replica-host.ts";
import type { SnapshotFile } from "../replica/snapshot-store.ts";
import type { Snapshots } from "../replica/snapshots.ts";

/** Work of the keyspace's cleaner in one turn, milliseconds. */
const CLEAN_MS = 1;

/** A replica that is further behind what is committed is busy with that. */
const CATCHING_UP_ENTRIES = 64;

/** A node that appended less than this in a while has time to shorten its log. */
const QUIET_BYTES = 64 * 1024;
const QUIET_MS = 1000;
/**
 * A quiet node saves a snapshot for this part of the log, or of the state, that a busy one needs.
 */
const QUIET_PART = 8;

/** What upkeep works with. */
export interface UpkeepEnvironment {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: ReplicaLog;
  /** Entries that were found in the log at the start: they count as if they came now. */
  readonly found: readonly Entry[];
  readonly report: (
    level: "info" | "error",
    message: string,
    facts: Readonly<Record<string, string | number>>,
  ) => void;
}

/** The upkeep of one replica. */
export class Upkeep {
  readonly #environment: UpkeepEnvironment;
  readonly #replica: Replica;
  readonly #snapshots: Snapshots;
  readonly #log: ReplicaLog;
  readonly #snapshotLogBytes: number;
  #cleaning = false;
  /** Of `appendedBytes`; negative for a log from before the start. */
  #logBytesAtSnapshot = 0;
  #lookedMs = 0;
  /** Of `appendedBytes`, when it was last looked whether the node is quiet. */
  #lookedBytes = 0;
  /** A snapshot is to be saved once the replica has caught up. */
  #wanted = false;

  /**
   * @param snapshotLogBytes Bytes of entries after the last snapshot that make a new one worth its
   *   work.
   */
  constructor(
    environment: UpkeepEnvironment,
    replica: Replica,
    snapshots: Snapshots,
    snapshotLogBytes: number,
  ) {
    this.#environment = environment;
    this.#replica = replica;
    this.#snapshots = snapshots;
    this.#log = environment.log;
    this.#snapshotLogBytes = snapshotLogBytes;
    for (const { data } of environment.found) this.#logBytesAtSnapshot -= data.length;
  }

  /** Entries were applied: there may be something to do. */
  afterApply(): void {
    this.#wantCleaning();
    const bytes = this.#log.appendedBytes - this.#logBytesAtSnapshot;
    if (bytes <= this.#snapshotLogBytes && !this.#wanted) return;
    // A big state is not worth saving for a little log; a long log makes the next start slow.
    const { liveBytes } = this.#replica.applier.keyspace.stats();
    if (this.#wanted || bytes > liveBytes / 2) this.saveInBackground();
  }

  /** Time has passed: a node that has nothing else to do makes its next start quick. */
  tick(): void {
    const nowMs = this.#environment.clock.monotonicMs();
    if (nowMs - this.#lookedMs < QUIET_MS) return;
    const { appendedBytes } = this.#log;
    const isQuiet = appendedBytes - this.#lookedBytes < QUIET_BYTES;
    this.#lookedMs = nowMs;
    this.#lookedBytes = appendedBytes;
    const bytes = appendedBytes - this.#logBytesAtSnapshot;
    if (!isQuiet || bytes <= this.#snapshotLogBytes / QUIET_PART) return;
    if (bytes > this.#replica.applier.keyspace.stats().liveBytes / QUIET_PART) {
      this.saveInBackground();
    }
  }

  /** Saves a snapshot; joins a save that runs. */
  save(): Promise<SnapshotFile> {
    this.#logBytesAtSnapshot = this.#log.appendedBytes;
    return this.#snapshots.save();
  }

  /** Saves a snapshot, unless a save runs, and says how that went. */
  saveInBackground(): void {
    if (this.#snapshots.saving) return;
    // A node that starts has entries to apply: it should serve first.
    const { raft } = this.#replica;
    this.#wanted = raft.commitIndex - raft.appliedIndex > CATCHING_UP_ENTRIES || raft.leader === 0;
    if (this.#wanted) return;
    const { clock, report } = this.#environment;
    const startedMs = clock.monotonicMs();
    const onSaved = ({ index }: SnapshotFile): void => {
      const ms = Math.round(clock.monotonicMs() - startedMs);
      report("info", "snapshot saved", { index, ms });
    };
    const onFailed = (error: unknown): void => {
      report("error", "snapshot failed", { error: String(error) });
    };
    void this.save().then(onSaved, onFailed);
  }

  /** Lets the keyspace give back dead space, a little each turn, while there is some. */
  #wantCleaning(): void {
    const { keyspace } = this.#replica.applier;
    if (this.#cleaning || !keyspace.needsCleaning) return;
    this.#cleaning = true;
    this.#environment.scheduler.soon(() => {
      this.#cleaning = false;
      if (keyspace.cleanStep(CLEAN_MS)) this.#wantCleaning();
    });
  }
}

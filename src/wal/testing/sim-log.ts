// A model of what a log must give back, and a simulated machine to run the log on. Tests only.
import { Buffer } from "node:buffer";
import type { DbError } from "../../base/errors.ts";
import type { SimHost } from "../../platform/simulated/sim-host.ts";
import type { SimProcess } from "../../platform/simulated/sim-process.ts";
import { SimWorld } from "../../platform/simulated/sim-world.ts";
import { Wal } from "../wal.ts";
import type { WalListener, WalOptions, WalReport, WalVisitor } from "../wal-types.ts";

export const WAL_DIRECTORY = "/data/wal";

/** One entry as told. */
export interface ToldEntry {
  readonly term: number;
  readonly type: number;
  readonly bytes: Buffer;
}

/** One shard as told: entries by index, in rising order. */
export class ToldShard {
  readonly entries: Map<number, ToldEntry> = new Map();
  last = 0;
  hardState: readonly [number, number, number] | null = null;
  mark: { index: number; term: number; replacesLog: boolean } | null = null;
}

/** Rebuilds shards by the rules of `WalVisitor`; complains when they are broken. */
export class ToldLog implements WalVisitor {
  readonly shards: Map<number, ToldShard> = new Map();
  readonly drops: number[] = [];

  shard(id: number): ToldShard {
    let shard = this.shards.get(id);
    if (shard === undefined) {
      shard = new ToldShard();
      this.shards.set(id, shard);
    }
    return shard;
  }

  onEntry(id: number, term: number, index: number, type: number, bytes: Uint8Array): void {
    const shard = this.shard(id);
    if (shard.last !== 0 && index <= shard.last) {
      throw new Error(`shard ${id}: entry ${index} was told after ${shard.last}`);
    }
    if (index !== shard.last + 1) shard.entries.clear();
    shard.entries.set(index, { term, type, bytes: Buffer.from(bytes) });
    shard.last = index;
  }

  onHardState(id: number, term: number, vote: number, commit: number): void {
    this.shard(id).hardState = [term, vote, commit];
  }

  onSnapshotMark(id: number, index: number, term: number, replacesLog: boolean): void {
    const shard = this.shard(id);
    shard.mark = { index, term, replacesLog };
    if (!replacesLog) return;
    shard.entries.clear();
    shard.last = index;
  }

  onDrop(id: number): void {
    this.shards.delete(id);
    this.drops.push(id);
  }
}

/** Notes what the log tells. */
export class RecordingListener implements WalListener {
  durable = 0;
  readonly full: boolean[] = [];
  readonly failures: DbError[] = [];
  readonly snapshotsWanted: number[] = [];
  whenDurable: ((sequence: number) => void) | null = null;

  onDurable(sequence: number): void {
    this.durable = sequence;
    this.whenDurable?.(sequence);
  }

  onFull(isFull: boolean): void {
    this.full.push(isFull);
  }

  onFailed(error: DbError): void {
    this.failures.push(error);
  }

  onSnapshotWanted(shard: number): void {
    this.snapshotsWanted.push(shard);
  }
}

/** An open log on a simulated machine. */
export interface OpenWal {
  readonly wal: Wal;
  readonly report: WalReport;
  readonly told: ToldLog;
  readonly events: RecordingListener;
}

/** A simulated machine with a log on it, through starts and crashes. */
export class WalMachine {
  readonly world: SimWorld;
  readonly host: SimHost;
  readonly options: Partial<WalOptions>;

  constructor(seed: number, options: Partial<WalOptions> = {}) {
    this.world = new SimWorld(seed);
    this.host = this.world.host("a");
    this.options = { segmentBytes: 32 * 1024, ...options };
  }

  /** Starts a process and opens the log; whatever ran before must be dead. */
  async open(options: Partial<WalOptions> = {}): Promise<OpenWal> {
    const process = this.host.process ?? this.host.start();
    return this.world.settle(this.openIn(process, options));
  }

  async openIn(process: SimProcess, options: Partial<WalOptions> = {}): Promise<OpenWal> {
    const told = new ToldLog();
    const events = new RecordingListener();
    const all = { ...this.options, ...options };
    const { wal, report } = await Wal.open(process, WAL_DIRECTORY, all, told);
    wal.start(events);
    return { wal, report, told, events };
  }

  /** Flushes and runs until everything appended is durable. */
  async persist(open: OpenWal): Promise<void> {
    const wanted = open.wal.nextSequence;
    const isPending = open.wal.pendingBytes > 0;
    open.wal.flush();
    if (!isPending) return;
    const done = await this.world.runUntil(() => open.events.durable >= wanted);
    if (!done) throw new Error(`frame ${wanted} did not become durable`);
  }

  /** Closes in order and ends the process. */
  async close(open: OpenWal): Promise<void> {
    await this.world.settle(open.wal.close());
    this.host.kill();
  }

  /** Names of the log's files. */
  files(): string[] {
    return this.host.storage.names.list(WAL_DIRECTORY).map((name) => `${WAL_DIRECTORY}/${name}`);
  }
}

/** `length` bytes that tell their place. */
export function patternBytes(length: number, salt: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + salt * 17 + (at >>> 8)) & 0xff;
  return bytes;
}

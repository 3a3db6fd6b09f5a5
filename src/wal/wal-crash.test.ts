// Goal: whatever the seed, the moment and the way of a crash, the log gives back exactly the state
// after some frame, and that frame is not before the last one that counted as durable.
// Method: random operations on a few shards against a model that applies operations frame by frame.
import { deepStrictEqual, ok } from "node:assert";
import type { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { SimRandom } from "../platform/simulated/sim-random.ts";
import { findLog } from "./recovery.ts";
import {
  type OpenWal,
  patternBytes,
  type ToldLog,
  WAL_DIRECTORY,
  WalMachine,
} from "./testing/sim-log.ts";
import type { WalSync } from "./wal-types.ts";

const SHARDS = [1, 2, 3, 2 ** 33];

interface Operation {
  /** Frame that carries it; 0 for what is not in the log. */
  readonly frame: number;
  readonly shard: number;
  readonly life: number;
  readonly apply: (state: ShardState) => void;
  readonly drops: boolean;
  readonly urgent: boolean;
}

interface ShardState {
  /** Counts up when a shard is dropped: its namesake later is another one. */
  life: number;
  floor: number;
  last: number;
  entries: Map<number, { term: number; bytes: Buffer }>;
  hardState: [number, number, number] | null;
  mark: number;
}

function newState(life: number): ShardState {
  return { life, floor: 0, last: 0, entries: new Map(), hardState: null, mark: 0 };
}

/** What one owner does with one log, and what the log owes it. */
class Owner {
  readonly #random: SimRandom;
  /** State after all that was recovered at the last start. */
  #base = new Map<number, ShardState>();
  #operations: Operation[] = [];
  /** State after all operations. */
  #now = new Map<number, ShardState>();
  #lives = 0;
  #salt = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  /** One random operation. */
  act(open: OpenWal): void {
    const random = this.#random;
    const shard = SHARDS[random.between(0, SHARDS.length - 1)]!;
    const state = this.#stateOf(shard);
    const drawn = random.between(0, 99);
    if (drawn < 60) this.#append(open, state, shard, random.between(1, 6));
    else if (drawn < 66) this.#replace(open, state, shard);
    else if (drawn < 84) this.#setHardState(open, state, shard);
    else if (drawn < 93) this.#raiseFloor(open, state, shard);
    else if (drawn < 95) this.#install(open, state, shard);
    else if (drawn < 96) this.#drop(open, state, shard);
    else this.#appendLong(open, state, shard);
    // Bursts: several frames wait while segments are freed, replaced and dropped behind them.
    if (random.chance(0.05)) {
      for (let left = random.between(2, 8); left > 0; left--) this.act(open);
      this.#appendLong(open, this.#stateOf(shard), shard);
    }
    if (random.chance(0.7)) open.wal.flush();
  }

  /** Newest frame that the log called durable and that had to be synced in every mode. */
  lastUrgent(durable: number): number {
    const urgent = this.#operations.filter((each) => each.urgent && each.frame <= durable);
    return urgent.at(-1)?.frame ?? 0;
  }

  /** Compares what was told with the state after frame `upTo`, and goes on from there. */
  recover(open: OpenWal, upTo: number): void {
    const state = this.#after(upTo);
    this.#check(open.told, state);
    this.#base = cloned(state);
    this.#now = state;
    this.#operations = [];
    for (const [shard, { floor }] of state) open.wal.setFloor(shard, floor);
  }

  /** A shard that wrote too much is snapshotted, as its owner would. */
  snapshot(open: OpenWal, shard: number): void {
    const state = this.#now.get(shard);
    if (state !== undefined) this.#raiseFloor(open, state, shard, true);
  }

  #stateOf(shard: number): ShardState {
    let state = this.#now.get(shard);
    if (state === undefined) {
      state = newState(++this.#lives);
      this.#now.set(shard, state);
      const { life } = state;
      this.#add(0, shard, life, () => {});
    }
    return state;
  }

  #add(
    frame: number,
    shard: number,
    life: number,
    apply: (state: ShardState) => void,
    more: { drops?: boolean; urgent?: boolean } = {},
  ): void {
    const operation = { frame, shard, life, apply, drops: false, urgent: false, ...more };
    this.#operations.push(operation);
    const state = this.#now.get(shard);
    if (operation.drops) this.#now.delete(shard);
    else if (state?.life === life) apply(state);
  }

  #append(open: OpenWal, state: ShardState, shard: number, count: number): void {
    for (let at = 0; at < count; at++) {
      const index = Math.max(state.last, state.floor) + 1;
      this.#appendAt(open, state, shard, index, patternBytes(this.#random.between(0, 900), index));
    }
  }

  #appendLong(open: OpenWal, state: ShardState, shard: number): void {
    const index = Math.max(state.last, state.floor) + 1;
    const bytes = patternBytes(this.#random.between(5_000, 40_000), this.#salt++);
    this.#appendAt(open, state, shard, index, bytes);
  }

  #replace(open: OpenWal, state: ShardState, shard: number): void {
    if (state.last <= state.floor) return;
    const index = this.#random.between(state.floor + 1, state.last);
    this.#appendAt(open, state, shard, index, patternBytes(40, this.#salt++), 1);
  }

  #appendAt(
    open: OpenWal,
    state: ShardState,
    shard: number,
    index: number,
    bytes: Buffer,
    newer = 0,
  ): void {
    const term =
      Math.max(1, state.entries.get(state.last)?.term ?? state.hardState?.[0] ?? 1) + newer;
    open.wal.appendEntry(shard, term, index, 0, bytes);
    this.#add(open.wal.nextSequence, shard, state.life, (to) => {
      if (index > to.last + 1) to.entries.clear();
      for (let old = index; old <= to.last; old++) to.entries.delete(old);
      to.entries.set(index, { term, bytes });
      to.last = index;
    });
  }

  #setHardState(open: OpenWal, state: ShardState, shard: number): void {
    const [term, vote, commit] = state.hardState ?? [0, 0, 0];
    const urgent = this.#random.chance(0.3);
    const next: [number, number, number] = urgent
      ? [term + 1, this.#random.between(0, 5), commit]
      : [term, vote, commit + 1];
    open.wal.appendHardState(shard, ...next);
    const apply = (to: ShardState): void => {
      to.hardState = next;
    };
    this.#add(open.wal.nextSequence, shard, state.life, apply, { urgent });
  }

  /** Only what counts as durable is in a snapshot. */
  #raiseFloor(open: OpenWal, state: ShardState, shard: number, most = false): void {
    const { durable } = open.events;
    const known = this.#after(durable).get(shard);
    if (known?.life !== state.life || known.last <= state.floor) return;
    const highest = Math.min(known.last, state.last);
    if (highest <= state.floor) return;
    const floor = most ? highest : this.#random.between(state.floor + 1, highest);
    open.wal.setFloor(shard, floor);
    this.#add(0, shard, state.life, (to) => {
      to.floor = Math.max(to.floor, floor);
    });
  }

  /** A snapshot from a leader, ahead of the log or in the middle of it with another term. */
  #install(open: OpenWal, state: ShardState, shard: number): void {
    const index = this.#random.between(state.floor + 1, Math.max(state.last, state.floor) + 20);
    const held = state.entries.get(index)?.term;
    const term = this.#random.chance(0.5) ? (held ?? 1) : (held ?? 1) + 3;
    const replaces = index > state.last || (held !== undefined && held !== term);
    open.wal.appendSnapshotMark(shard, index, term);
    this.#add(open.wal.nextSequence, shard, state.life, (to) => {
      to.mark = index;
      if (!replaces) return;
      to.entries.clear();
      to.last = index;
    });
    open.wal.setFloor(shard, index);
    this.#add(0, shard, state.life, (to) => {
      to.floor = Math.max(to.floor, index);
    });
  }

  #drop(open: OpenWal, state: ShardState, shard: number): void {
    open.wal.appendDrop(shard);
    this.#add(open.wal.nextSequence, shard, state.life, () => {}, { drops: true });
  }

  #after(upTo: number): Map<number, ShardState> {
    const states = cloned(this.#base);
    for (const { frame, shard, life, apply, drops } of this.#operations) {
      if (frame > upTo) continue;
      const state = states.get(shard);
      if (drops) {
        if (state?.life === life) states.delete(shard);
        continue;
      }
      // A new life begins with its first record; what is outside the log belongs to lives that are
      // there.
      if (state === undefined && frame > 0) states.set(shard, newState(life));
      const target = states.get(shard);
      if (target?.life === life) apply(target);
    }
    return states;
  }

  #check(told: ToldLog, states: ReadonlyMap<number, ShardState>): void {
    for (const [shard, state] of states) {
      const found = told.shard(shard);
      const wanted = [...state.entries].filter(([index]) => index > state.floor);
      const got = [...found.entries].filter(([index]) => index > state.floor);
      deepStrictEqual(
        got.map(([index, { term }]) => [index, term]),
        wanted.map(([index, { term }]) => [index, term]),
      );
      for (const [index, { bytes }] of wanted) ok(bytes.equals(found.entries.get(index)!.bytes));
      deepStrictEqual(found.hardState, state.hardState);
      deepStrictEqual(found.mark?.index ?? 0, state.mark);
    }
    for (const shard of told.shards.keys()) ok(states.has(shard));
  }
}

function cloned(states: ReadonlyMap<number, ShardState>): Map<number, ShardState> {
  const copy = new Map<number, ShardState>();
  for (const [shard, state] of states) {
    copy.set(shard, { ...state, entries: new Map(state.entries) });
  }
  return copy;
}

/** What a machine's log owes its owner at the next start. */
interface Debt {
  /** Last frame that must be there. */
  frame: number;
  /** The same after a power cut, when that makes a difference. */
  frameAfterPowerCut: number;
  /** The last run was closed in order. */
  closed: boolean;
}

/** Begins to open the log and crashes meanwhile; returns the last frame that was there before. */
async function crashInOpen(machine: WalMachine, random: SimRandom, debt: Debt): Promise<number> {
  const process = machine.host.start();
  await machine.world.settle(process.disk.makeDirectory(WAL_DIRECTORY));
  const found = await machine.world.settle(findLog(process.disk, WAL_DIRECTORY));
  const opening = machine.openIn(process);
  opening.catch(() => null);
  await machine.world.advance(random.fraction() * 12);
  if (random.chance(0.5)) {
    machine.host.kill();
  } else {
    machine.host.powerCut();
    debt.frame = debt.frameAfterPowerCut;
  }
  return found.lastSequence;
}

/** One life of a machine: five starts, each ended by a kill, a power cut or a close. */
async function runSeed(seed: number, sync: WalSync): Promise<void> {
  const random = new SimRandom(seed * 7919 + 1);
  const machine = new WalMachine(seed, {
    sync,
    segmentBytes: 16_384 * random.between(1, 4),
    segmentsKept: random.between(2, 4),
  });
  const owner = new Owner(random);
  const debt = { frame: 0, frameAfterPowerCut: 0, closed: true };
  for (let start = 0; start < 5; start++) {
    const isCrashed = random.chance(0.3);
    const before = isCrashed ? await crashInOpen(machine, random, debt) : Number.POSITIVE_INFINITY;
    const open = await machine.open();
    const { lastSequence, cleanShutdown } = open.report;
    ok(lastSequence >= debt.frame, `frame ${lastSequence} was found, ${debt.frame} was durable`);
    if (!isCrashed) deepStrictEqual(cleanShutdown, debt.closed);
    // An open that was cut short may have left a frame of its own.
    owner.recover(open, Math.min(lastSequence, before));
    open.events.durable = lastSequence;
    const operations = random.between(0, 150);
    for (let at = 0; at < operations; at++) {
      owner.act(open);
      for (const shard of open.events.snapshotsWanted.splice(0)) owner.snapshot(open, shard);
      await machine.world.advance(random.chance(0.1) ? 30 : random.fraction());
    }
    deepStrictEqual(open.events.failures, []);
    await endRun(machine, open, owner, random.between(0, 3), debt);
  }
}

async function endRun(
  machine: WalMachine,
  open: OpenWal,
  owner: Owner,
  ending: number,
  debt: Debt,
): Promise<void> {
  debt.closed = ending === 0;
  if (debt.closed) await machine.world.settle(open.wal.close());
  const { durable } = open.events;
  const isSynced = debt.closed || open.wal.options.sync === "always";
  debt.frame = durable;
  debt.frameAfterPowerCut = isSynced ? durable : owner.lastUrgent(durable);
  if (ending === 1) {
    machine.host.kill();
  } else {
    machine.host.powerCut();
    debt.frame = debt.frameAfterPowerCut;
  }
}

/** Seeds of one test: small enough for its time limit. */
const BATCH = 25;

async function runBatch(first: number, sync: WalSync): Promise<number> {
  let seed = first;
  try {
    for (; seed < first + BATCH; seed++) await runSeed(seed, sync);
  } catch (error) {
    throw new Error(`seed ${seed}, sync ${sync}`, { cause: error });
  }
  return seed;
}

describe("a log under random crashes", () => {
  const batches = (from: number, to: number, sync: WalSync): { first: number; sync: WalSync }[] =>
    Array.from({ length: (to - from) / BATCH }, (_, at) => ({ first: from + at * BATCH, sync }));

  test.each([
    ...batches(0, 300, "always"),
    ...batches(1_000, 1_150, "no"),
    ...batches(2_000, 2_100, "everysec"),
  ])("$sync: seeds from $first", async ({ first, sync }) => {
    expect(await runBatch(first, sync)).toBe(first + BATCH);
  });
});

// Plays the same steps on two servers at once and compares every reply and the final data.
import { setTimeout as pause } from "node:timers/promises";
import { type Reply, show } from "../support/reply.ts";
import type { RespConnection } from "../support/resp-connection.ts";
import { ReplyComparer } from "./compare.ts";
import type { Step, StepArgument } from "./steps.ts";

const DATABASES = 16;
const SHORT_EXPIRY_MS = 1;
/** Both servers round and cache the time. */
const TIMER_SLACK_MS = 5;
const PTTL_TOLERANCE_MS = 5000;
/** An expired key is deleted, and no longer counted, within this time. */
const EXPIRED_GONE_MS = 5000;
/** Pipelines are cut here, so that both servers stay within the tolerance for times. */
const PIPELINE_MAX = 64;

const SET = Buffer.from("SET");
const EXISTS = Buffer.from("EXISTS");

/** Kvorum keeps expiry times up to 2^53 - 1 ms: beyond this, they are taken as equal. */
const TTL_MS_COMPARED_MAX = 9e15;

/** What came of a run. */
export interface RunResult {
  /** Commands sent. */
  readonly sent: number;
  /** One server aborted a transaction that the other ran, which is allowed; the run ended there. */
  readonly endedEarly: boolean;
}

/** Opens a connection. */
export type Open = () => Promise<RespConnection>;

class EndedEarly extends Error {}

/** One connection of a run, to both servers. */
class Pair {
  readonly ours: RespConnection;
  readonly theirs: RespConnection;
  readonly comparer = new ReplyComparer();

  constructor(ours: RespConnection, theirs: RespConnection) {
    this.ours = ours;
    this.theirs = theirs;
  }

  /** Sends commands to both, in one pipeline each. @throws Error at the first different reply. */
  async run(commands: readonly (readonly Buffer[])[]): Promise<Reply[]> {
    const [ours, theirs] = await Promise.all([
      this.ours.pipeline(commands),
      this.theirs.pipeline(commands),
    ]);
    for (const [place, args] of commands.entries()) {
      const name = args[0]!.toString("latin1");
      const difference = this.comparer.compare(name, ours[place]!, theirs[place]!);
      if (difference === null) continue;
      if (difference === "undecided") throw new EndedEarly();
      const shown = args.map((arg) => JSON.stringify(arg.toString("latin1"))).join(" ");
      throw new Error(`${shown}\n  kvorum: ${difference[0]}\n  redis:  ${difference[1]}`);
    }
    return theirs;
  }
}

/**
 * Plays a run from empty databases.
 *
 * @throws Error that names the first command with different replies, or the difference of the data.
 */
export async function play(
  steps: readonly Step[],
  protocol: 2 | 3,
  openOurs: Open,
  openTheirs: Open,
): Promise<RunResult> {
  const pairs: Pair[] = [];
  try {
    for (let place = 0; place < 2; place++) {
      pairs.push(new Pair(await openOurs(), await openTheirs()));
    }
    return await playOn(pairs, steps, protocol);
  } finally {
    for (const { ours, theirs } of pairs) {
      ours.close();
      theirs.close();
    }
  }
}

async function playOn(
  pairs: readonly Pair[],
  steps: readonly Step[],
  protocol: 2 | 3,
): Promise<RunResult> {
  await pairs[0]!.run([[Buffer.from("FLUSHALL")]]);
  if (protocol === 3) for (const pair of pairs) await sayHello(pair);
  const player = new Player(pairs);
  try {
    for (const step of steps) await player.take(step);
    await player.flush();
  } catch (error) {
    if (error instanceof EndedEarly) return { sent: player.sent, endedEarly: true };
    throw error;
  }
  return { sent: player.sent + (await compareData(pairs)), endedEarly: false };
}

/** Gathers commands of one connection into pipelines, and changes the connection in between. */
class Player {
  sent = 0;
  readonly #pairs: readonly Pair[];
  readonly #startMs = Date.now();
  #batch: (readonly Buffer[])[] = [];
  #current: Pair;
  /** Commands so far. */
  #place = 0;

  constructor(pairs: readonly Pair[]) {
    this.#pairs = pairs;
    this.#current = pairs[0]!;
  }

  /** Plays the step, or remembers it for the next pipeline. */
  async take(step: Step): Promise<void> {
    const pair = this.#pairs[step.connection]!;
    if (step.kind === "command") return this.#add(pair, step.args);
    if (step.kind === "transaction") {
      const other = this.#pairs[1 - step.connection]!;
      if (step.watched.length > 0) await this.#add(pair, ["WATCH", ...step.watched]);
      for (const args of step.between) await this.#add(other, args);
      for (const args of [["MULTI"], ...step.queued, ["EXEC"]]) await this.#add(pair, args);
      return;
    }
    await this.flush();
    if (pair.comparer.inTransaction) return;
    if (step.kind === "scan") {
      this.sent += await scan(pair, step.options);
      return;
    }
    this.sent += await expire(pair, step.key);
    for (const { comparer } of this.#pairs) comparer.sizesDiffer = true;
  }

  /** Sends what was gathered. */
  async flush(): Promise<void> {
    if (this.#batch.length > 0) await this.#current.run(this.#batch);
    this.sent += this.#batch.length;
    this.#batch = [];
  }

  async #add(pair: Pair, args: readonly StepArgument[]): Promise<void> {
    if (pair !== this.#current || this.#batch.length >= PIPELINE_MAX) await this.flush();
    this.#current = pair;
    if (args[0] === "HELLO") {
      // Kvorum refuses HELLO inside a transaction.
      await this.flush();
      if (pair.comparer.inTransaction) return;
    }
    const place = this.#place++;
    const bytes = args.map((arg) => bytesOf(arg, this.#startMs, place));
    this.#batch.push(bytes);
    if (!bytes[0]!.equals(SET) || !args.some(isPast)) return;
    // Redis keeps a key that is set with a past expiry, and counts it, until it is met.
    this.#batch.push([EXISTS, bytes[1]!]);
    for (const { comparer } of this.#pairs) comparer.sizesDiffer = true;
  }
}

async function sayHello(pair: Pair): Promise<void> {
  await Promise.all([pair.ours.call("HELLO", "3"), pair.theirs.call("HELLO", "3")]);
}

/** Bytes of an argument in the run that started at `startMs`, for the command at `place`. */
function bytesOf(arg: StepArgument, startMs: number, place: number): Buffer {
  if (typeof arg === "string") return Buffer.from(arg, "latin1");
  const unit = arg.unit === "s" ? 1 : 1000;
  if ("duration" in arg) {
    // Three seconds more with every command: no two durations of a run are nearly the same.
    return Buffer.from(String((arg.duration + place * 3) * unit));
  }
  return Buffer.from(String((Math.floor(startMs / 1000) + arg.fromNow) * unit));
}

function isPast(arg: StepArgument): boolean {
  return typeof arg === "object" && "fromNow" in arg && arg.fromNow <= 0;
}

/** Iterates both servers to the end; the keys seen must be the same. Returns commands sent. */
async function scan(pair: Pair, options: readonly string[]): Promise<number> {
  const [ours, theirs] = await Promise.all([
    scanAll(pair.ours, options),
    scanAll(pair.theirs, options),
  ]);
  const left = [...ours.keys].sort().join(" ");
  const right = [...theirs.keys].sort().join(" ");
  if (left === right) return ours.calls;
  throw new Error(`SCAN ${options.join(" ")}\n  kvorum: ${left}\n  redis:  ${right}`);
}

async function scanAll(
  connection: RespConnection,
  options: readonly string[],
): Promise<{ keys: Set<string>; calls: number }> {
  const keys = new Set<string>();
  let cursor = "0";
  let calls = 0;
  do {
    const args = options.map((option) => Buffer.from(option, "latin1"));
    const reply = await connection.call("SCAN", cursor, ...args);
    const [next, found] = reply.items;
    if (next === undefined || found === undefined) throw new Error(`SCAN: ${show(reply)}`);
    for (const item of found.items) keys.add(show(item));
    cursor = next.text;
    calls++;
  } while (cursor !== "0" && calls < 10_000);
  return { keys, calls };
}

/** A key that is gone a moment later, without a command that says so. */
async function expire(pair: Pair, key: string): Promise<number> {
  const name = Buffer.from(key, "latin1");
  const expiry = Buffer.from(String(SHORT_EXPIRY_MS));
  await pair.run([[Buffer.from("SET"), name, Buffer.from("short"), Buffer.from("PX"), expiry]]);
  await pause(SHORT_EXPIRY_MS + TIMER_SLACK_MS);
  await pair.run([
    [Buffer.from("GET"), name],
    [Buffer.from("PTTL"), name],
  ]);
  return 3;
}

/** Compares keys, types, values and expiry of all databases. Returns commands sent. */
async function compareData(pairs: readonly Pair[]): Promise<number> {
  const { ours, theirs } = pairs[1]!;
  for (const connection of [ours, theirs]) await connection.call("RESET");
  const [left, right] = await Promise.all([dump(ours), dump(theirs)]);
  await compareSizes(ours, theirs);
  const names = new Set([...left.entries.keys(), ...right.entries.keys()]);
  for (const name of names) {
    const [mine, other] = [left.entries.get(name), right.entries.get(name)];
    const same = mine?.content === other?.content;
    const ttl = Math.abs((mine?.ttlMs ?? 0) - (other?.ttlMs ?? 0));
    if (same && ttl <= PTTL_TOLERANCE_MS && mine!.ttlMs < 0 === other!.ttlMs < 0) continue;
    throw new Error(
      `data of ${name}\n  kvorum: ${JSON.stringify(mine)}\n  redis:  ${JSON.stringify(other)}`,
    );
  }
  return left.calls;
}

/** Both count a key that has expired until they delete it, each when it finds the time. */
async function compareSizes(ours: RespConnection, theirs: RespConnection): Promise<void> {
  const deadlineMs = Date.now() + EXPIRED_GONE_MS;
  for (;;) {
    const [left, right] = await Promise.all([sizes(ours), sizes(theirs)]);
    if (left === right) return;
    if (Date.now() > deadlineMs) throw new Error(`sizes\n  kvorum: ${left}\n  redis:  ${right}`);
    await pause(20);
  }
}

async function sizes(connection: RespConnection): Promise<string> {
  const databases = Array.from({ length: DATABASES }, (_, database) => database);
  const questions = databases.flatMap((database) => [["SELECT", database], ["DBSIZE"]]);
  return (await connection.pipeline(questions)).map(show).join(" ");
}

interface Entry {
  readonly content: string;
  readonly ttlMs: number;
}

async function dump(
  connection: RespConnection,
): Promise<{ entries: Map<string, Entry>; calls: number }> {
  const entries = new Map<string, Entry>();
  let calls = 0;
  for (let database = 0; database < DATABASES; database++) {
    const [, keys] = await connection.pipeline([
      ["SELECT", database],
      ["KEYS", "*"],
    ]);
    const names = keys!.items.map(({ text }) => Buffer.from(text, "latin1"));
    const questions = names.flatMap((name) => [
      ["TYPE", name],
      ["GET", name],
      ["PTTL", name],
    ]);
    const answers = questions.length === 0 ? [] : await connection.pipeline(questions);
    calls += questions.length + 2;
    for (const [place, name] of names.entries()) {
      const [type, value, ttl] = answers.slice(place * 3, place * 3 + 3);
      entries.set(`${database}:${JSON.stringify(name.toString("latin1"))}`, {
        content: `${show(type!)} ${show(value!)}`,
        ttlMs: Math.min(Number(ttl!.text), TTL_MS_COMPARED_MAX),
      });
    }
  }
  return { entries, calls };
}

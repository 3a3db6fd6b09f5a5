// Clients that write and read on all nodes of a cluster while it fails, and what they saw.
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { withDeadline } from "../support/resp-connection.ts";
import { FaultClient, type Outcome } from "./fault-client.ts";
import { AppendLog } from "./logs.ts";
import { Register } from "./registers.ts";

/** Commands to one key before its client goes on to the next. */
const KEY_COMMANDS_MAX = 200;
/** Keys of each register writer that are still read: the one it writes and some it has left. */
const REGISTERS_READ = 3;
const PACE_MS = 2;

/** How many clients of each kind, spread over the nodes. */
export interface LoadOptions {
  /** Ports of clients, one per node. */
  readonly ports: readonly number[];
  /** Ports of reading clients, when they are others. */
  readonly readPorts?: readonly number[];
  readonly writers?: number;
  readonly readers?: number;
  readonly appenders?: number;
  readonly counters?: number;
  /** A command without an answer for so long is given up. */
  readonly answerMsMax?: number;
  /** Pause of a client after each command; the default leaves the machine to the servers. */
  readonly paceMs?: number;
  /** Begins the names of all keys. */
  readonly prefix?: string;
}

interface AckWaiter {
  readonly sinceMs: number;
  readonly resolve: (atMs: number) => void;
}

/** What a load saw in all. */
export interface LoadReport {
  readonly acknowledged: number;
  readonly uncertain: number;
  readonly refused: number;
  readonly reads: number;
  /** Commands without an answer although the connection stood. */
  readonly unanswered: number;
  readonly violations: readonly string[];
}

/** Clients at work. */
export class Load {
  readonly registers: Register[] = [];
  readonly logs: AppendLog[] = [];
  /** Replies of INCR, and how many of them nobody knows the fate of. */
  readonly counted: number[] = [];
  countsUncertain = 0;
  readonly #options: LoadOptions;
  readonly #prefix: string;
  readonly #paceMs: number;
  readonly #clients: FaultClient[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #open: Register[][] = [];
  #waiters: AckWaiter[] = [];
  #acknowledged = 0;
  #uncertain = 0;
  #refused = 0;
  #lastAckMs = performance.now();
  #longestGapMs = 0;
  #failure: Error | null = null;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#prefix = options.prefix ?? "";
    this.#paceMs = options.paceMs ?? PACE_MS;
    const { writers = 0, readers = 0, appenders = 0, counters = 0 } = options;
    for (let i = 0; i < writers; i++) this.#start(i, (client) => this.#write(client, i));
    for (let i = 0; i < readers; i++) {
      this.#start(i, (client) => this.#read(client, i), options.readPorts);
    }
    for (let i = 0; i < appenders; i++) this.#start(i, (client) => this.#append(client, i));
    for (let i = 0; i < counters; i++) this.#start(i, (client) => this.#count(client));
  }

  /** The key that all counting clients raise. */
  get counterKey(): string {
    return `${this.#prefix}counter`;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Reads that were answered so far. */
  get reads(): number {
    return this.registers.reduce((sum, register) => sum + register.reads, 0);
  }

  /** Forgets how long writes took to be acknowledged so far. */
  restartGaps(): void {
    this.#lastAckMs = performance.now();
    this.#longestGapMs = 0;
  }

  /** Longest time without an acknowledged write since {@link restartGaps}, until now. */
  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, performance.now() - this.#lastAckMs);
  }

  /**
   * Waits for the acknowledgement of a write that was sent at `sinceMs` or later.
   *
   * @returns When it came.
   * @throws Error when none comes within `timeoutMs`, or a client saw what it must not see.
   */
  async writes(sinceMs: number = performance.now(), timeoutMs = 10_000): Promise<number> {
    const next = new Promise<number>((resolve) => {
      this.#waiters.push({ sinceMs, resolve });
    });
    const atMs = await withDeadline(next, timeoutMs, "no write is acknowledged");
    if (this.#failure !== null) throw this.#failure;
    return atMs;
  }

  /** Waits until so many more writes were acknowledged. */
  async progress(count: number): Promise<void> {
    const goal = this.#acknowledged + count;
    while (this.#acknowledged < goal) await this.writes();
  }

  /** Lets commands under way end, and says what was seen; `get` reads keys at the end. */
  async stop(get: (key: string) => Promise<string | null>): Promise<LoadReport> {
    for (const client of this.#clients) client.stop();
    await Promise.all(this.#running);
    for (const client of this.#clients) client.close();
    if (this.#failure !== null) throw this.#failure;
    const violations: string[] = [];
    for (const register of this.registers) {
      const startMs = performance.now();
      const value = Number((await get(register.key)) ?? 0);
      register.read(value, startMs, performance.now());
      violations.push(...register.violations());
    }
    for (const log of this.logs) violations.push(...log.violations((await get(log.key)) ?? ""));
    violations.push(...this.#checkCounter(Number((await get(this.counterKey)) ?? 0)));
    return {
      acknowledged: this.#acknowledged,
      uncertain: this.#uncertain,
      refused: this.#refused,
      reads: this.reads,
      unanswered: this.#clients.reduce((sum, client) => sum + client.unanswered, 0),
      violations,
    };
  }

  /** Exactly once: each number was given out once, and only unknown ones may be missing. */
  #checkCounter(last: number): string[] {
    const found: string[] = [];
    const given = this.counted.length;
    if (new Set(this.counted).size !== given) found.push("two INCR got the same number");
    if (Math.max(0, ...this.counted) > last) found.push(`the counter fell to ${last}`);
    if (last < given) found.push(`${given} INCR were acknowledged, the counter is ${last}`);
    const extra = last - given;
    if (extra > this.countsUncertain) {
      found.push(
        `the counter has ${extra} more than acknowledged, ${this.countsUncertain} unknown`,
      );
    }
    return found;
  }

  // ---- clients

  #start(
    home: number,
    run: (client: FaultClient) => Promise<void>,
    ports: readonly number[] = this.#options.ports,
  ): void {
    const client = new FaultClient(ports, home, this.#options.answerMsMax);
    this.#clients.push(client);
    this.#running.push(
      run(client).catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        for (const each of this.#clients) each.stop();
        for (const { resolve } of this.#waiters.splice(0)) resolve(Number.NaN);
      }),
    );
  }

  async #write(client: FaultClient, lane: number): Promise<void> {
    const keys: Register[] = (this.#open[lane] = []);
    for (let number = 0; !client.stopped; number++) {
      const register = new Register(`${this.#prefix}register:${lane}:${number}`);
      this.registers.push(register);
      keys.push(register);
      let known = true;
      while (known && register.sent < KEY_COMMANDS_MAX && !client.stopped) {
        const write = register.writing(performance.now());
        const outcome = await client.send("SET", register.key, write.value);
        known = this.#note(outcome, write.startMs);
        if (outcome === null || outcome.kind === "refused") register.refused(write);
        else if (outcome.kind === "done") write.endMs = performance.now();
        await pause(this.#paceMs);
      }
    }
  }

  async #read(client: FaultClient, lane: number): Promise<void> {
    for (let number = lane; !client.stopped; number++) {
      const keys = this.#open[number % this.#open.length] ?? [];
      const register = keys.at(-1 - (Math.floor(number / this.#open.length) % REGISTERS_READ));
      if (register !== undefined) {
        const startMs = performance.now();
        const outcome = await client.send("GET", register.key);
        if (outcome?.kind === "done") {
          register.read(Number(outcome.reply.text.replace("$", "")), startMs, performance.now());
        }
      }
      await pause(this.#paceMs);
    }
  }

  async #append(client: FaultClient, lane: number): Promise<void> {
    for (let number = 0; !client.stopped; number++) {
      const log = new AppendLog(`${this.#prefix}log:${lane}:${number}`);
      this.logs.push(log);
      while (log.sent < KEY_COMMANDS_MAX && !client.stopped) {
        const startMs = performance.now();
        const outcome = await client.send("APPEND", log.key, log.next());
        this.#note(outcome, startMs);
        if (outcome === null || outcome.kind === "refused") log.refused();
        else if (outcome.kind === "done") log.acknowledged(outcome.reply);
        await pause(this.#paceMs);
      }
    }
  }

  async #count(client: FaultClient): Promise<void> {
    while (!client.stopped) {
      const startMs = performance.now();
      const outcome = await client.send("INCR", this.counterKey);
      this.#note(outcome, startMs);
      if (outcome?.kind === "done") this.counted.push(Number(outcome.reply.text));
      else if (outcome?.kind === "uncertain") this.countsUncertain++;
      await pause(this.#paceMs);
    }
  }

  /** Counts the outcome of a write; false when its fate is unknown. */
  #note(outcome: Outcome | null, startMs: number): boolean {
    if (outcome === null) return true;
    if (outcome.kind === "refused") this.#refused++;
    else if (outcome.kind === "uncertain") this.#uncertain++;
    else this.#onAck(startMs, performance.now());
    return outcome.kind !== "uncertain";
  }

  #onAck(startMs: number, atMs: number): void {
    this.#acknowledged++;
    this.#longestGapMs = Math.max(this.#longestGapMs, atMs - this.#lastAckMs);
    this.#lastAckMs = atMs;
    const due = this.#waiters.filter(({ sinceMs }) => sinceMs <= startMs);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter(({ sinceMs }) => sinceMs > startMs);
    for (const { resolve } of due) resolve(atMs);
  }
}

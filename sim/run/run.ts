// One run: a cluster comes up, is loaded and harmed, heals, and is judged.
import { DbError } from "../../src/base/errors.ts";
import type { Failpoint } from "../../src/base/failpoints.ts";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { Trace } from "../../src/platform/simulated/trace.ts";
import { SimWorld } from "../../src/platform/simulated/sim-world.ts";
import { MessageFaults } from "../../src/transport/testing/message-faults.ts";
import { Fleet } from "../cluster/fleet.ts";
import { type Ending, isBug, type Machine } from "../cluster/machine.ts";
import { SKEW_MS_MAX } from "../faults/clocks.ts";
import { failpointFault, FailpointMeter } from "../faults/failpoints.ts";
import { type Happened, Nemesis } from "../faults/nemesis.ts";
import { Stage } from "../faults/stage.ts";
import type { InvariantName } from "../invariants/names.ts";
import { checkEngines } from "../invariants/engines.ts";
import { Watch } from "../invariants/watch.ts";
import { CLIENT_PORT } from "../cluster/server.ts";
import { LoadClient } from "../load/client.ts";
import type { Workload } from "../load/workload.ts";
import { drawWorkloads } from "../load/workloads.ts";
import type { Plan } from "./plan.ts";
import type { Transcript } from "./transcript.ts";

/** Time that the load may take under faults, ms: then clients stop wherever they are. */
const SAFETY_MS = 60_000;
/** A healed quorum serves within this time, ms. */
const HEALED_MS = 10_000;
/** Everything is read within this time, ms. */
const READ_MS = 120_000;
/** All machines have caught up some time after. */
const EQUAL_MS = 60_000;
const CLOSER_LOOK_EVERY_MS = 2_000;
/** How long a server that ended by itself stays down, ms. */
const RESTART_AFTER_MS = 200;
/** Starts of one machine after which nobody starts it any more. */
const STARTS_MAX = 1_000;
const FINDINGS_MAX = 20;

/** Something that must not be. */
export interface RunFinding {
  readonly rule: InvariantName;
  readonly atMs: number;
  readonly text: string;
}

/** What came of a run. */
export interface RunReport {
  readonly plan: Plan;
  readonly findings: readonly RunFinding[];
  /** What a judge gave up on: not to be counted as fine. */
  readonly undecided: readonly string[];
  readonly faults: readonly Happened[];
  /** Simulated time, ms. */
  readonly simulatedMs: number;
  readonly commands: number;
  readonly events: number;
  /** Fingerprint of all that happened: the same seed gives the same. */
  readonly digest: string;
  readonly looked: ReadonlyMap<InvariantName, number>;
  /** How often each failpoint was reached. */
  readonly failpoints: ReadonlyMap<Failpoint, number>;
}

/** Plays and judges one plan. */
export class Run {
  readonly #plan: Plan;
  readonly #transcript: Transcript;
  readonly #world: SimWorld;
  readonly #trace: Trace;
  readonly #fleet: Fleet;
  readonly #watch: Watch;
  readonly #stage: Stage;
  readonly #nemesis: Nemesis;
  readonly #meter: FailpointMeter;
  readonly #workloads: readonly Workload[];
  readonly #findings: RunFinding[] = [];
  #commands = 0;
  #clientNumber = 0;
  #idleClients = 0;
  #loading = false;

  /**
   * @param without Numbers of faults that are left out.
   */
  constructor(plan: Plan, transcript: Transcript, without: ReadonlySet<number> = new Set()) {
    this.#plan = plan;
    this.#transcript = transcript;
    this.#world = new SimWorld(plan.seed);
    this.#world.fabric.delayMs = plan.delayMs;
    this.#trace = new Trace(transcript.note);
    this.#world.trace = this.#trace;
    const messages = new MessageFaults(new SimRandom(plan.seed ^ 0x6d657373));
    this.#fleet = new Fleet(
      this.#world,
      { knobs: plan.knobs, messages },
      {
        onLine: (machine, level, message, facts) =>
          transcript.line(machine.name, level, message, facts),
        onEnding: (machine, ending) => this.#onEnding(machine, ending),
        onGoing: (machine) => this.#watch.ending(machine),
      },
    );
    this.#watch = new Watch(
      this.#fleet,
      (rule, text) => this.#found(rule, text),
      (change, machine) => this.#stage.changed(change, machine),
    );
    this.#stage = new Stage(
      this.#fleet,
      messages,
      { delayMs: plan.delayMs, diskMs: plan.diskMs },
      (machine) => this.#watch.damaged(machine),
    );
    const { faultClasses: classes, faultNames: names, faultEveryMs: everyMs } = plan;
    const faults = { classes, names, everyMs, without };
    this.#meter = new FailpointMeter(() => this.#world.running);
    const more = [failpointFault(this.#meter)];
    const onFault = (text: string): void => transcript.fault(text);
    this.#nemesis = new Nemesis(this.#stage, faults, more, plan.seed, onFault);
    const skewMs = plan.faultClasses.includes("clock") ? SKEW_MS_MAX : 0;
    this.#workloads = drawWorkloads(new SimRandom(plan.seed ^ 0x6c6f6164), skewMs, plan.largePart);
    transcript.nowMs = () => this.#world.nowMs;
  }

  /** Plays; what goes wrong is in the report. */
  async play(): Promise<RunReport> {
    this.#meter.open();
    try {
      return await this.#play();
    } finally {
      this.#meter.close();
    }
  }

  async #play(): Promise<RunReport> {
    const plan = this.#plan;
    await this.#fleet.form(plan.nodes, plan.bootstraps);
    for (const { host } of this.#fleet.machines) host.storage.latencyMs = plan.diskMs;
    this.#lookCloserNowAndThen();
    const first = this.#newClient();
    await this.#must("prepares", this.#prepare(first), HEALED_MS);
    await this.#load();
    this.#heal();
    await this.#judgeLiveness(first);
    this.#watch.lookCloser();
    return this.#report(this.#judge());
  }

  // ---- the phases

  async #prepare(client: LoadClient): Promise<void> {
    for (const workload of this.#workloads) {
      await this.#untilReady(client);
      await workload.prepare?.(client);
    }
  }

  async #load(): Promise<void> {
    this.#loading = true;
    this.#nemesis.start();
    for (let at = 0; at < this.#plan.clients; at++) void this.#work(this.#newClient());
    await this.#until(() => this.#idle, SAFETY_MS);
    this.#loading = false;
  }

  get #idle(): boolean {
    return this.#idleClients === this.#plan.clients;
  }

  async #work(client: LoadClient): Promise<void> {
    const { random } = client;
    while (this.#loading && this.#commands < this.#plan.commands) {
      if (!(await client.ready())) continue;
      const workload = this.#workloads[random.between(0, this.#workloads.length - 1)]!;
      this.#commands += await workload.step(client);
      if (random.chance(0.02)) client.leave();
      if (this.#plan.thinkMs > 0) await client.sleep(random.between(0, this.#plan.thinkMs));
    }
    this.#idleClients++;
  }

  #heal(): void {
    this.#transcript.fault("all is healed");
    this.#stage.healed = true;
    this.#nemesis.stop();
    this.#world.fabric.healAll();
    for (const machine of this.#fleet.machines) if (machine.down) machine.start();
  }

  async #judgeLiveness(client: LoadClient): Promise<void> {
    const serves = this.#probe(client);
    await this.#must("a healed quorum serves", serves, HEALED_MS);
    // What clients still wait for ends first: it belongs to the history.
    await this.#until(() => this.#idle, READ_MS);
    await this.#must("everything is read", this.#readAll(client), READ_MS);
    const equal = await this.#until(() => this.#fleet.equal, EQUAL_MS);
    if (!equal) {
      const text = `not equal ${EQUAL_MS} ms after healing: ${this.#fleet.describe()}`;
      this.#found("a healed quorum serves", text);
    }
  }

  /** Writes until a write is acknowledged. */
  async #probe(client: LoadClient): Promise<void> {
    for (;;) {
      await this.#untilReady(client);
      const { replies } = await client.ask(["SET", "probe", "1"]);
      if (replies?.[0]?.kind === "simple") return;
      client.leave();
      await client.sleep(20);
    }
  }

  async #readAll(client: LoadClient): Promise<void> {
    for (const workload of this.#workloads) {
      await this.#untilReady(client);
      await workload.readAll(client);
    }
  }

  #judge(): string[] {
    const undecided: string[] = [];
    for (const workload of this.#workloads) {
      for (const judgement of workload.judge()) {
        for (const { rule, text } of judgement.findings)
          this.#found(workload.rule, `${rule}: ${text}`);
        undecided.push(...judgement.undecided);
      }
    }
    checkEngines(this.#fleet, (text) => this.#found("engines hold together", text));
    return undecided;
  }

  // ---- the parts

  #newClient(): LoadClient {
    const number = ++this.#clientNumber;
    const process = this.#world.host(`client${number}`).start();
    return new LoadClient({
      process,
      random: new SimRandom(this.#plan.seed + Math.imul(number, 0x85ebca6b)),
      servers: () => this.#fleet.machines.map(({ name }) => ({ host: name, port: CLIENT_PORT })),
      nowMs: () => this.#world.clock.wallMs(),
      nextClientNumber: () => ++this.#clientNumber,
      replyTimeoutMs: this.#plan.replyTimeoutMs,
    });
  }

  async #untilReady(client: LoadClient): Promise<void> {
    while (!(await client.ready()));
  }

  /**
   * A server ended by itself. Somebody starts it again; if its data are damaged, as a new member.
   */
  #onEnding(machine: Machine, { error, served }: Ending): void {
    this.#transcript.fault(`${machine.name} ended by itself: ${error.message}`);
    this.#judgeEnding(machine, error);
    if (machine.starts > STARTS_MAX) return;
    this.#world.schedule(RESTART_AFTER_MS, () => {
      if (!machine.down) return;
      const isLost = error instanceof DbError && error.code === "LOG_LOST";
      if (machine.damaged && (!served || isLost)) this.#stage.wipe(machine);
      machine.start();
    });
  }

  #judgeEnding(machine: Machine, error: Error): void {
    const text = `${machine.name}: ${error.stack ?? error.message}`;
    if (isBug(error) || !this.#plan.faultClasses.includes("disk")) {
      this.#found("a server ends for a reason", text);
    } else if (namesDamage(error) && !machine.touched) {
      this.#found("a server ends for a reason", `no file was touched, and yet ${text}`);
    } else if (machine.touched && !("code" in error)) {
      this.#found("damage is named", text);
    }
  }

  #lookCloserNowAndThen(): void {
    this.#world.schedule(CLOSER_LOOK_EVERY_MS, () => {
      this.#watch.lookCloser();
      if (this.#fleet.equal && this.#fleet.whole) {
        for (const machine of this.#fleet.machines) machine.damaged = false;
      }
      this.#lookCloserNowAndThen();
    });
  }

  /** Runs the world; looks at all invariants after each event. */
  #until(isDone: () => boolean, limitMs: number): Promise<boolean> {
    return this.#world.runUntil(() => {
      this.#watch.look();
      return this.#findings.length >= FINDINGS_MAX || isDone();
    }, limitMs);
  }

  /** Runs the world until a promise settles, which must be in time. */
  async #must(what: string, promise: Promise<void>, limitMs: number): Promise<void> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.#until(() => settled, limitMs);
    if (settled) {
      await promise;
      return;
    }
    const text = `${what}: not within ${limitMs} ms: ${this.#fleet.describe()}`;
    this.#found("a healed quorum serves", text);
  }

  #found(rule: InvariantName, text: string): void {
    if (this.#findings.length >= FINDINGS_MAX) return;
    this.#transcript.fault(`BROKEN: ${rule}: ${text}`);
    this.#findings.push({ rule, atMs: this.#world.nowMs, text });
  }

  #report(undecided: readonly string[]): RunReport {
    return {
      plan: this.#plan,
      findings: this.#findings,
      undecided,
      faults: this.#nemesis.happened,
      simulatedMs: this.#world.nowMs,
      commands: this.#commands,
      events: this.#world.eventsRun,
      digest: this.#trace.digest(),
      looked: this.#watch.looked,
      failpoints: this.#meter.counts,
    };
  }
}

/** Errors of a server that cannot go on with the files it has. */
const DAMAGE_CODES: ReadonlySet<string> = new Set([
  "BAD_ENTRY",
  "IDENTITY_CORRUPT",
  "JOIN_STATE_CORRUPT",
  "LOG_LOST",
  "RAFT_CONF_DAMAGED",
  "RAFT_STATE_DAMAGED",
  "SNAPSHOT_CORRUPT",
  "SNAPSHOT_MISSING",
  "WAL_CORRUPT",
]);

function namesDamage(error: Error): boolean {
  return error instanceof DbError && DAMAGE_CODES.has(error.code);
}

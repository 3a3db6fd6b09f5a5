// One round: a fresh cluster is loaded and harmed, heals, must serve, must be equal, and is judged.
import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { FaultCluster } from "../../test/faults/fault-cluster.ts";
import { PeerNetwork } from "../../test/faults/peer-network.ts";
import { sameData } from "../../test/faults/same-data.ts";
import { Lab } from "../../test/support/lab.ts";
import { withDeadline } from "../../test/support/resp-connection.ts";
import { SKEW_MS_MAX } from "../faults/clocks.ts";
import { Clients, nowMs } from "./clients.ts";
import { Clocks } from "./clocks.ts";
import { Nemesis } from "./nemesis.ts";
import type { Mode } from "./options.ts";
import { errorText, type RoundReport } from "./report.ts";
import { FAULT_CLASSES, type FaultClass, Stage } from "./stage.ts";

const NODES = 3;
/** A healed quorum serves within this time, ms. */
const HEALED_MS = 10_000;
/** How long it is waited for, to tell how late it was. */
const LATE_MS = 60_000;
const READ_MS = 60_000;
/** Until all nodes are members that have everything. */
const WHOLE_MS = 60_000;
const PROGRESS_EVERY_MS = 2_000;
const FINDINGS_MAX = 20;

/** What a round is like. */
export interface RoundPlan {
  readonly mode: Mode;
  readonly seed: number;
  readonly faultsMs: number;
  /** Path of libfaketime; null: clocks are left alone. */
  readonly faketime: string | null;
  /** Whether the directory stays also when nothing was found. */
  readonly keep: boolean;
}

/** Plays a round. What goes wrong in it, the round itself included, is in the report. */
export async function playRound(plan: RoundPlan): Promise<RoundReport> {
  const round = new Round(plan);
  const onBroken = (error: unknown): void => round.found(`the round broke: ${errorText(error)}`);
  process.on("uncaughtException", onBroken);
  await round.play().catch(onBroken);
  const report = await round.end();
  process.off("uncaughtException", onBroken);
  return report;
}

class Round {
  readonly #plan: RoundPlan;
  readonly #lab = new Lab();
  readonly #network = new PeerNetwork();
  readonly #findings: string[] = [];
  readonly #undecided: string[] = [];
  /** What happened, line by line, with the time that histories have. */
  readonly #story: string[] = [];
  #stage: Stage | null = null;
  #nemesis: Nemesis | null = null;
  #clients: Clients | null = null;
  #healedMs: number | null = null;

  constructor(plan: RoundPlan) {
    this.#plan = plan;
  }

  async play(): Promise<void> {
    const { seed, faultsMs } = this.#plan;
    const random = new SimRandom(seed);
    const classes = this.#classes();
    const clocks = classes.includes("clock") ? this.#makeClocks() : null;
    const under = clocks?.under ?? [];
    const cluster = await FaultCluster.start(this.#lab, { network: this.#network, under });
    const stage = new Stage(cluster, this.#network, clocks, (text) => this.found(text));
    const clients = new Clients(cluster.ports, random.fork(), clocks === null ? 0 : SKEW_MS_MAX);
    const nemesis = new Nemesis(stage, classes, random.fork(), (text) => this.#tell(text));
    await stage.nameNodes();
    this.#stage = stage;
    this.#clients = clients;
    this.#nemesis = nemesis;
    await clients.prepare();
    clients.start();
    nemesis.start();
    const progress = setInterval(() => {
      this.#tell(`${clients.outcomes.ok} acknowledged`);
    }, PROGRESS_EVERY_MS);
    await pause(faultsMs);
    await nemesis.stop();
    clearInterval(progress);
    stage.heal();
    this.#tell("all is healed");
    await this.#judgeLiveness(clients);
    await this.#judgeReplicas(cluster, stage);
    await stage.end();
    this.#judgeHistories(clients);
  }

  /** Ends what runs; keeps or removes what is on disk. */
  async end(): Promise<RoundReport> {
    const { mode, seed, keep } = this.#plan;
    await this.#nemesis?.stop();
    this.#clients?.close();
    await this.#stage?.end();
    const isKept = keep || this.#findings.length > 0 || this.#undecided.length > 0;
    const folder = isKept ? this.#keep() : null;
    this.#network.close();
    await this.#lab.close();
    return {
      mode,
      seed,
      faults: this.#nemesis?.counts ?? new Map(),
      outcomes: this.#clients?.outcomes ?? { ok: 0, failed: 0, unknown: 0 },
      healedMs: this.#healedMs,
      findings: this.#findings,
      undecided: this.#undecided,
      folder,
    };
  }

  /** Takes note of what must not be. */
  found(text: string): void {
    this.#tell(`FOUND: ${text}`);
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push(text);
  }

  // ---- the parts

  #classes(): readonly FaultClass[] {
    const { mode, faketime } = this.#plan;
    const possible = FAULT_CLASSES.filter((kind) => kind !== "clock" || faketime !== null);
    return possible.filter((kind) => mode === "all" || mode === kind);
  }

  #makeClocks(): Clocks {
    return new Clocks(this.#plan.faketime!, this.#lab.freshFolder("clocks"), NODES);
  }

  async #judgeLiveness(clients: Clients): Promise<void> {
    const sinceMs = performance.now();
    const stopped = clients.stop();
    await withDeadline(clients.probe(), LATE_MS, "a healed quorum serves: no write acknowledged");
    this.#healedMs = performance.now() - sinceMs;
    if (this.#healedMs > HEALED_MS) {
      this.found(`a healed quorum serves: only after ${this.#healedMs.toFixed(0)} ms`);
    }
    await stopped;
    await withDeadline(
      clients.readAll(),
      READ_MS,
      "a healed quorum serves: not everything is read",
    );
  }

  async #judgeReplicas(cluster: FaultCluster, stage: Stage): Promise<void> {
    if (!(await stage.whole(WHOLE_MS))) {
      this.found(`not all nodes vote and have the same log ${WHOLE_MS} ms after healing`);
    }
    // The leader removes what expires: until then nothing stands still.
    await cluster.until("nothing is left that expires", async () => {
      const { text } = await cluster.nodes[0]!.with((each) => each.call("INFO", "keyspace"));
      return !/expires=[1-9]/.test(text);
    });
    await sameData(cluster);
  }

  #judgeHistories({ workloads }: Clients): void {
    for (const workload of workloads) {
      for (const { findings, undecided, checkedCount } of workload.judge()) {
        if (checkedCount === 0) this.found(`${workload.name}: nothing was judged`);
        for (const { rule, text } of findings) this.found(`${workload.rule}: ${rule}: ${text}`);
        this.#undecided.push(...undecided.map((text) => `${workload.rule}: ${text}`));
      }
    }
  }

  #tell(text: string): void {
    this.#story.push(`${nowMs().toFixed(0)} ${text}`);
  }

  /** Moves data and logs to where they stay. */
  #keep(): string {
    const folder = mkdtempSync(join(tmpdir(), "kvorum-nemesis-"));
    writeFileSync(join(folder, "story.txt"), this.#story.join("\n"));
    const logs = join(folder, "logs");
    mkdirSync(logs);
    for (const [number, { place, program }] of (this.#stage?.lives ?? []).entries()) {
      writeFileSync(join(logs, `node-${place}-life-${number}.txt`), program.output);
    }
    renameSync(this.#lab.folder, join(folder, "data"));
    return folder;
  }
}

// Several faults lined up in time, as an adversary would who sees who leads, who becomes leader,
// and who belongs to the group. Windows that single faults by chance hardly ever open.
import { allWays, cutAll, isolate, type Way } from "../../src/platform/simulated/link-patterns.ts";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Change } from "../cluster/fleet.ts";
import type { Machine } from "../cluster/machine.ts";
import { giveWay } from "./membership.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

/** A group that grows has so many voters before and after. */
const VOTERS = 3;
const VOTERS_GROWN = 5;
/** Clocks are apart by twice this; whoever is off by more than a second does not lead for long. */
const CLOCK_OFF_MS: readonly [number, number] = [150, 450];

/** What is done in steps, until the fault ends; then all of it is undone. */
class Script {
  readonly stage: Stage;
  readonly random: SimRandom;
  readonly #undos: (() => void)[] = [];
  #isOver = false;

  constructor(stage: Stage, random: SimRandom) {
    this.stage = stage;
    this.random = random;
  }

  /** A step some time later, drawn; left out when all is over by then. */
  after([min, max]: readonly [number, number], step: () => void): void {
    const delayMs = min + this.random.fraction() * (max - min);
    this.stage.world.schedule(delayMs, () => {
      if (!this.#isOver) step();
    });
  }

  /** A step right after each change of a kind. */
  whenever(wanted: Change, step: (machine: Machine) => void): void {
    const stop = this.stage.whenChanged((change, machine) => {
      if (change === wanted) this.after([0, 0], () => step(machine));
    });
    this.#undos.push(stop);
  }

  /** A step right after the next change of a kind. */
  once(wanted: Change, step: (machine: Machine) => void): void {
    let isDone = false;
    this.whenever(wanted, (machine) => {
      if (!isDone) step(machine);
      isDone = true;
    });
  }

  cut(ways: readonly Way[]): void {
    cutAll(this.stage.world.fabric, ways);
    this.#undos.push(() => this.heal(ways));
  }

  heal(ways: readonly Way[]): void {
    for (const [from, to] of ways) this.stage.world.fabric.healOneWay(from, to);
  }

  isolate(machine: Machine, direction: "both" | "in" | "out" = "both"): void {
    this.cut(isolate(this.stage.fleet.names, machine.name, direction));
  }

  slowDisk({ host }: Machine, maxMs: number): void {
    host.storage.latencyMs = { min: 5, max: maxMs };
    this.#undos.push(() => {
      host.storage.latencyMs = this.stage.pace.diskMs;
    });
  }

  skew({ host }: Machine, ms: number): void {
    host.wallSkewMs = ms;
    this.#undos.push(() => {
      host.wallSkewMs = 0;
    });
  }

  /** Ends a process or a machine, which comes back within a time, or when all is over. */
  restart(machine: Machine, how: "kill" | "powerCut", downMs: readonly [number, number]): void {
    const { stage } = this;
    if (machine.down) return;
    stage[how](machine);
    this.after(downMs, () => stage.restart(machine));
    this.#undos.push(() => stage.restart(machine));
  }

  end(): void {
    this.#isOver = true;
    this.stage.scripted = false;
    for (const undo of this.#undos.toReversed()) undo();
  }
}

/** The machine that leads, and the others in a drawn order. */
interface Cast {
  readonly leader: Machine;
  readonly others: readonly Machine[];
}

function both({ name: left }: Machine, { name: right }: Machine): Way[] {
  return allWays([left, right]);
}

/** What a fault of several does: it sets all up and tells what will happen; null when it cannot. */
type Play = (script: Script, cast: Cast) => string | null;

/** Begins a play. Needs a leader. */
function begin(play: Play, stage: Stage, random: SimRandom): Begun | null {
  const { leader, machines } = stage.fleet;
  if (leader === null || stage.scripted) return null;
  const others = machines.filter((machine) => machine !== leader);
  const turned = random.between(0, others.length);
  const cast = { leader, others: [...others.slice(turned), ...others.slice(0, turned)] };
  const script = new Script(stage, random);
  const what = play(script, cast);
  if (what === null) return null;
  stage.scripted = true;
  return { what, undo: () => script.end() };
}

/** The third machine stands in the term in which the others have just elected a leader. */
function forgottenVote(script: Script, { leader, others }: Cast): string | null {
  const [left, right] = others;
  if (left === undefined || right === undefined || others.length > 2) return null;
  script.cut(both(left, right));
  giveWay(leader);
  script.once("leader", (next) => {
    script.isolate(next);
    script.restart(leader, "kill", [1, 30]);
  });
  return `${leader.name} hands over and restarts after its vote, the next leader is cut off`;
}

/** The lease hangs on a voter that restarts, while the other one asks for its vote. */
function forgottenLease(script: Script, { leader, others }: Cast): string | null {
  const [voter, rival] = others;
  if (voter === undefined || rival === undefined || others.length > 2) return null;
  script.cut(both(leader, rival));
  script.after([450, 1_000], () => {
    script.isolate(leader);
    script.restart(voter, "kill", [1, 30]);
  });
  const what = `${leader.name} <x> ${rival.name}, then ${voter.name} restarts`;
  return `${what} and ${leader.name} is cut off`;
}

/** The old leader does not hear that there is a new one. */
function unheardSuccessor(script: Script, { leader, others }: Cast): string | null {
  if (others.length < 2) return null;
  giveWay(leader);
  script.after([0, 20], () => script.isolate(leader, "in"));
  return `${leader.name} hands over, then nothing reaches it`;
}

/** Its last proposals reach others, their answers do not reach it. */
function longTail(script: Script, { leader, others }: Cast): string | null {
  if (others.length < 2) return null;
  script.isolate(leader, "in");
  script.after([2, 200], () => script.isolate(leader));
  return `nothing reaches ${leader.name}, then nothing leaves it, for long`;
}

/** Clocks are early and late by turns when all start, and leadership goes to and fro, slowly. */
function clocksApart(script: Script): string {
  const { stage, random } = script;
  const early = random.between(0, 1);
  for (const [at, machine] of stage.fleet.machines.entries()) {
    const offMs = random.between(...CLOCK_OFF_MS);
    script.skew(machine, at % 2 === early ? offMs : -offMs);
    script.restart(machine, "kill", [1, 100]);
  }
  // While the heir's answers do not arrive, the leader reads and proposes nothing.
  const passOn = (leader: Machine): void => {
    const ways = isolate(stage.fleet.names, leader.name, "in");
    script.cut(ways);
    script.after([0, 10], () => giveWay(leader));
    script.after([20, 350], () => script.heal(ways));
  };
  script.whenever("leader", (leader) => script.after([150, 700], () => passOn(leader)));
  return "all restart with clocks that are apart, and hand over slowly again and again";
}

/** What the leader has committed and not told is there, but its successor is slow to know. */
function slowSuccession(script: Script, { leader, others }: Cast): string | null {
  if (others.length < 2) return null;
  const maxMs = script.random.between(20, 250);
  for (const machine of others) script.slowDisk(machine, maxMs);
  script.after([100, 600], () => {
    script.isolate(leader, "out");
    script.after([50, 300], () => script.restart(leader, "kill", [500, 3_000]));
  });
  const what = `the disks of all but ${leader.name} take up to ${maxMs} ms`;
  return `${what}, then nothing leaves it, then it is killed`;
}

/** A quorum with slow disks goes under load: one of the two loses power, the other one, too. */
function slowQuorum(script: Script, { leader, others }: Cast): string | null {
  const [follower, ...behind] = others;
  if (follower === undefined || behind.length === 0) return null;
  const maxMs = script.random.between(5, 50);
  for (const machine of [leader, follower]) script.slowDisk(machine, maxMs);
  const ways = behind.flatMap((machine) => both(leader, machine));
  script.cut(ways);
  script.after([50, 700], () => {
    script.restart(follower, "powerCut", [1, 200]);
    if (script.random.chance(0.5)) {
      script.restart(leader, "powerCut", [1, 2_000]);
      script.heal(ways);
    } else script.isolate(leader);
  });
  const pair = `${leader.name} and ${follower.name}`;
  return `${pair} alone with disks that take up to ${maxMs} ms, then without power or cut off`;
}

/** Who just came decides with the leader, the old ones among themselves. */
function splitGrowth(script: Script, { leader, others }: Cast): string | null {
  const { fleet } = script.stage;
  if (fleet.machines.length !== VOTERS) return null;
  const come = Array.from({ length: VOTERS_GROWN - VOTERS }, () => fleet.add());
  for (const machine of come) machine.start();
  script.whenever("voters", (now) => {
    if (now !== leader) return;
    const side = [leader, ...come];
    script.cut(side.flatMap((one) => others.flatMap((other) => both(one, other))));
  });
  const names = come.map(({ name }) => name).join(" and ");
  return `${names} join; when they vote, they and ${leader.name} are cut off from the others`;
}

/** Each leader keeps what it could not commit. */
function shortReigns(script: Script, { leader, others }: Cast): string | null {
  if (others.length < 2) return null;
  const fall = (machine: Machine): void => {
    const ways = isolate(script.stage.fleet.names, machine.name);
    script.cut(ways);
    script.after([700, 2_500], () => script.heal(ways));
  };
  fall(leader);
  script.whenever("leader", (next) => script.after([0, 60], () => fall(next)));
  return "whoever leads is cut off soon";
}

/** Figure 8 of the paper: a leader that is back sends a tail of its old term, not yet all of it. */
function oldTail(script: Script, { leader, others }: Cast): string | null {
  const [left, right] = others;
  if (left === undefined || right === undefined || others.length > 2) return null;
  script.isolate(leader);
  script.once("leader", (next) => {
    const third = next === left ? right : left;
    script.isolate(next);
    script.heal(both(leader, third));
    script.once("leader", (again) => {
      script.after([1, 60], () => {
        script.isolate(again);
        script.heal(both(next, third));
      });
    });
  });
  return `${leader.name} is cut off, then its successor; when it leads again, it is cut off again`;
}

type Row = readonly [name: string, FaultKind["kind"], FaultKind["forMs"], Play];

const ROWS: readonly Row[] = [
  ["forgotten vote", "process", [1_500, 4_000], forgottenVote],
  ["forgotten lease", "process", [1_500, 3_000], forgottenLease],
  ["unheard successor", "membership", [300, 1_200], unheardSuccessor],
  ["long tail", "network", [9_000, 12_000], longTail],
  ["clocks apart", "clock", [3_000, 9_000], clocksApart],
  ["slow succession", "disk", [2_500, 4_500], slowSuccession],
  ["slow quorum", "disk", [1_500, 4_000], slowQuorum],
  ["split growth", "membership", [4_000, 9_000], splitGrowth],
  ["old tail", "network", [5_000, 9_000], oldTail],
  ["short reigns", "network", [4_000, 9_000], shortReigns],
];

/** Faults that consist of several. */
export const COMBINED_FAULTS: readonly FaultKind[] = ROWS.map(([name, kind, forMs, play]) => ({
  name,
  kind,
  weight: 2,
  forMs,
  begin: (stage, random) => begin(play, stage, random),
}));

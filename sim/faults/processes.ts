// Faults of processes and machines: they end, stand still, lose power.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

function restarting(stage: Stage, machines: readonly Machine[]): () => void {
  return () => {
    for (const machine of machines) stage.restart(machine);
  };
}

function kill(stage: Stage, random: SimRandom): Begun | null {
  const machine = stage.draw(random);
  if (machine.down) return null;
  stage.kill(machine);
  return { what: `${machine.name} killed`, undo: restarting(stage, [machine]) };
}

/** As an operator does it. */
function stop(stage: Stage, random: SimRandom): Begun | null {
  const machine = stage.draw(random);
  if (machine.server === null) return null;
  stage.stop(machine);
  return { what: `${machine.name} stopped`, undo: restarting(stage, [machine]) };
}

function powerCut(stage: Stage, random: SimRandom): Begun | null {
  const machine = stage.draw(random);
  if (machine.down) return null;
  stage.powerCut(machine);
  return { what: `${machine.name} without power`, undo: restarting(stage, [machine]) };
}

function all(stage: Stage, random: SimRandom): Begun {
  const isPower = random.chance(0.5);
  for (const machine of stage.fleet.machines) {
    if (machine.down) continue;
    if (isPower) stage.powerCut(machine);
    else stage.kill(machine);
  }
  const what = isPower ? "power cut everywhere" : "all killed";
  return { what, undo: restarting(stage, stage.fleet.machines) };
}

function pause(stage: Stage, random: SimRandom): Begun | null {
  const machine = stage.draw(random);
  const { process } = machine.host;
  if (process === null) return null;
  process.pause();
  return { what: `${machine.name} paused`, undo: () => process.resume() };
}

/** Something in the process takes long: a collection of garbage, a call that does not return. */
function stall(stage: Stage, random: SimRandom): Begun | null {
  const { host, name } = stage.draw(random);
  const ms = random.between(20, 1_500);
  if (host.process === null || host.process.isBusy) return null;
  host.process.stall(ms);
  return { what: `${name} busy for ${ms} ms`, undo: null };
}

/** Killed again and again, shortly after each start. */
function restartLoop(stage: Stage, random: SimRandom): Begun | null {
  const machine = stage.draw(random);
  if (machine.down) return null;
  const everyMs = random.between(5, 300);
  let looping = true;
  const turn = (): void => {
    if (!looping) return;
    if (machine.down) stage.restart(machine);
    else stage.kill(machine);
    stage.world.schedule(everyMs, turn);
  };
  turn();
  const undo = (): void => {
    looping = false;
    stage.restart(machine);
  };
  return { what: `${machine.name} restarts every ${everyMs} ms`, undo };
}

/** Faults of processes. */
export const PROCESS_FAULTS: readonly FaultKind[] = [
  { name: "kill", kind: "process", weight: 5, forMs: [1, 3_000], begin: kill },
  { name: "stop", kind: "process", weight: 3, forMs: [10, 3_000], begin: stop },
  { name: "power cut", kind: "process", weight: 5, forMs: [1, 3_000], begin: powerCut },
  { name: "all gone", kind: "process", weight: 2, forMs: [1, 1_500], begin: all },
  { name: "pause", kind: "process", weight: 5, forMs: [50, 3_000], begin: pause },
  { name: "stall", kind: "process", weight: 3, forMs: [0, 0], begin: stall },
  { name: "restart loop", kind: "process", weight: 1, forMs: [500, 3_000], begin: restartLoop },
];

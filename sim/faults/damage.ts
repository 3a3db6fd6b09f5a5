// Damage to the files of a machine that is down: its server repairs it, or refuses by name.
import type { DamageKind } from "../../src/platform/simulated/disk-damage.ts";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

const KINDS: readonly DamageKind[] = [
  "bitFlip",
  "truncation",
  "zeros",
  "swappedSectors",
  "removal",
];

/** One file of one machine, which is started again. */
function damage(stage: Stage, random: SimRandom): Begun | null {
  const machine = stage.drawVictim(random);
  if (machine === null) return null;
  stage.powerCut(machine);
  const kind = KINDS[random.between(0, KINDS.length - 1)]!;
  const done = machine.host.storage.damage(random, kind, (path) => !path.endsWith("LOCK"));
  if (done === null)
    return { what: `${machine.name} without power`, undo: () => stage.restart(machine) };
  stage.damaged(machine);
  const what = `${machine.name} ${done.path}: ${done.text}`;
  return { what, undo: () => stage.restart(machine) };
}

/** All files of one machine are gone: it comes back as a new member. */
function wipe(stage: Stage, random: SimRandom): Begun | null {
  const machine = stage.drawVictim(random);
  if (machine === null) return null;
  stage.kill(machine);
  stage.wipe(machine);
  return { what: `${machine.name} wiped`, undo: () => stage.restart(machine) };
}

/** Damage to files. */
export const DAMAGE_FAULTS: readonly FaultKind[] = [
  { name: "damage", kind: "disk", weight: 3, forMs: [500, 3_000], begin: damage },
  { name: "wipe", kind: "disk", weight: 1, forMs: [500, 3_000], begin: wipe },
];

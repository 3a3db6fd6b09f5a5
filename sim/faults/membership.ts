// Acts of an operator under load: hand over, save, grow, take a machine out and bring it back.
import { isVoter } from "../../src/raft/conf-change.ts";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

const MACHINES_MAX = 5;
const HAND_OVER_MS = 2_000;
const LOOK_EVERY_MS = 50;

/** Errors of an act are no findings: the server says what it could not do. */
function ignore(): void {}

/** A leader hands over to whom it likes best. */
export function giveWay({ server }: Machine): void {
  server?.cluster.handOver(HAND_OVER_MS).then(ignore, ignore);
}

function handOver(stage: Stage): Begun | null {
  const { leader } = stage.fleet;
  if (leader === null) return null;
  giveWay(leader);
  return { what: `${leader.name} hands over`, undo: null };
}

function save(stage: Stage, random: SimRandom): Begun | null {
  const { server, name } = stage.draw(random);
  if (server === null) return null;
  server.cluster.node.saveSnapshot().then(ignore, ignore);
  return { what: `${name} saves a snapshot`, undo: null };
}

function add(stage: Stage): Begun | null {
  const { fleet } = stage;
  if (fleet.machines.length >= MACHINES_MAX || fleet.machines.length < 3) return null;
  const machine = fleet.add();
  machine.start();
  return { what: `${machine.name} joins`, undo: null };
}

/** A machine is taken out; once it is, it is wiped and asks to be taken in again. */
function remove(stage: Stage, random: SimRandom): Begun | null {
  const { leader } = stage.fleet;
  const machine = stage.drawVictim(random);
  if (leader === null || machine === null || machine.server === null) return null;
  const id = machine.server.cluster.node.identity.nodeId;
  if (leader.server!.cluster.membership.remove(id) !== null) return null;
  wipeOnceRemoved(stage, machine, id);
  return { what: `${machine.name} is removed`, undo: null };
}

function wipeOnceRemoved(stage: Stage, machine: Machine, id: number): void {
  // Somebody else wiped it meanwhile.
  if (machine.server !== null && machine.server.cluster.node.identity.nodeId !== id) return;
  const { conf } = stage.fleet;
  const isLearner =
    conf?.learners.includes(id) === true || conf?.learnersNext.includes(id) === true;
  if (conf === null || isLearner || isVoter(conf, id)) {
    stage.world.schedule(LOOK_EVERY_MS, () => wipeOnceRemoved(stage, machine, id));
    return;
  }
  if (!machine.down) stage.kill(machine);
  stage.wipe(machine);
  machine.start();
}

/** Acts of an operator. */
export const MEMBERSHIP_FAULTS: readonly FaultKind[] = [
  { name: "hand over", kind: "membership", weight: 5, forMs: [0, 0], begin: handOver },
  { name: "snapshot", kind: "membership", weight: 6, forMs: [0, 0], begin: save },
  { name: "remove", kind: "membership", weight: 2, forMs: [0, 0], begin: remove },
  { name: "join", kind: "membership", weight: 1, forMs: [0, 0], begin: add },
];

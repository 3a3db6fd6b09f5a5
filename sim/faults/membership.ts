// Acts of an operator under load: hand over, save, grow.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

const MACHINES_MAX = 5;
const HAND_OVER_MS = 2_000;

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

/** Acts of an operator. */
export const MEMBERSHIP_FAULTS: readonly FaultKind[] = [
  { name: "hand over", kind: "membership", weight: 5, forMs: [0, 0], begin: handOver },
  { name: "snapshot", kind: "membership", weight: 6, forMs: [0, 0], begin: save },
  { name: "join", kind: "membership", weight: 1, forMs: [0, 0], begin: add },
];

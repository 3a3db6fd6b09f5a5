// Faults of disks under running servers.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

/** Room that is left on a disk which is about to be full. */
const ROOM_BYTES_MAX = 128 * 1024;

function slow(stage: Stage, random: SimRandom): Begun {
  const { storage, name } = stage.draw(random).host;
  const max = random.between(5, 120);
  storage.latencyMs = { min: random.between(0, 5), max };
  const undo = (): void => {
    storage.latencyMs = stage.pace.diskMs;
  };
  return { what: `disk of ${name} takes up to ${max} ms`, undo };
}

function full(stage: Stage, random: SimRandom): Begun {
  const { storage, name } = stage.draw(random).host;
  const room = random.between(0, ROOM_BYTES_MAX);
  storage.limitBytes = storage.usedBytes + room;
  const undo = (): void => {
    storage.limitBytes = Number.POSITIVE_INFINITY;
  };
  return { what: `disk of ${name} has room for ${room} bytes`, undo };
}

function failing(operation: "write" | "sync" | "open" | "rename" | "syncDirectory") {
  return (stage: Stage, random: SimRandom): Begun | null => {
    const machine = stage.draw(random);
    if (machine.down) return null;
    const { storage, name } = machine.host;
    storage.failNext(operation, random.chance(0.3) ? "ENOSPC" : "EIO");
    return { what: `next ${operation} on ${name} fails`, undo: null };
  };
}

function short(stage: Stage, random: SimRandom): Begun {
  const { storage, name } = stage.draw(random).host;
  const bytes = random.between(0, 600);
  storage.shortenNextWrite(bytes);
  return { what: `next write on ${name} takes ${bytes} bytes`, undo: null };
}

/** Slow calls, short writes by chance, for a while. */
function troubled(stage: Stage, random: SimRandom): Begun {
  const { storage, name } = stage.draw(random).host;
  storage.faults = {
    shortWrite: random.chance(0.5) ? random.fraction() * 0.2 : 0,
    slowChance: random.chance(0.5) ? random.fraction() * 0.1 : 0,
    slowMs: { min: 5, max: random.between(10, 1_000) },
    writeError: random.chance(0.2) ? 0.01 : 0,
    syncError: random.chance(0.2) ? 0.02 : 0,
  };
  const undo = (): void => {
    storage.faults = null;
  };
  return { what: `disk of ${name} slow and short by chance`, undo };
}

/** Faults of disks. */
export const DISK_FAULTS: readonly FaultKind[] = [
  { name: "slow disk", kind: "disk", weight: 4, forMs: [200, 4_000], begin: slow },
  { name: "full disk", kind: "disk", weight: 3, forMs: [200, 4_000], begin: full },
  { name: "troubled disk", kind: "disk", weight: 4, forMs: [200, 4_000], begin: troubled },
  { name: "short write", kind: "disk", weight: 2, forMs: [0, 0], begin: short },
  { name: "failing write", kind: "disk", weight: 2, forMs: [0, 0], begin: failing("write") },
  { name: "failing sync", kind: "disk", weight: 2, forMs: [0, 0], begin: failing("sync") },
  { name: "failing open", kind: "disk", weight: 1, forMs: [0, 0], begin: failing("open") },
  { name: "failing rename", kind: "disk", weight: 1, forMs: [0, 0], begin: failing("rename") },
  {
    name: "failing directory sync",
    kind: "disk",
    weight: 1,
    forMs: [0, 0],
    begin: failing("syncDirectory"),
  },
];

// What the bugs that are planted in the log do to what it gives back.
import { expect, test } from "vitest";
import { DbError } from "../base/errors.ts";
import { plant } from "../base/testing/plant.ts";
import { patternBytes, WalMachine } from "./testing/sim-log.ts";

const SECTOR = 512;
const POWER_CUTS = 20;

/** Puts zeros in the place of the sector that holds the middle of `entry`. */
function loseMiddle(machine: WalMachine, entry: Buffer): void {
  const middle = entry.subarray(SECTOR, 2 * SECTOR);
  for (const path of machine.files()) {
    const bytes = machine.host.storage.contents(path);
    const at = bytes.indexOf(middle);
    if (at < 0) continue;
    const sector = Math.ceil(at / SECTOR) * SECTOR;
    bytes.fill(0, sector, sector + SECTOR);
    machine.host.storage.place(path, bytes);
  }
}

test("tornTailAccepted: a frame of which one sector is missing is taken as whole", async () => {
  plant("tornTailAccepted");
  const machine = new WalMachine(1);
  const open = await machine.open();
  const entry = patternBytes(4 * SECTOR, 1);
  open.wal.appendEntry(1, 1, 1, 0, entry);
  await machine.persist(open);
  machine.host.kill();
  loseMiddle(machine, entry);
  const told = (await machine.open()).told.shard(1).entries.get(1);
  expect(told?.bytes).toHaveLength(entry.length);
  expect(told?.bytes).not.toEqual(entry);
});

test("acknowledgedBeforeSync: a power cut takes entries that counted as durable", async () => {
  plant("acknowledgedBeforeSync");
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= POWER_CUTS; seed++) {
    const machine = new WalMachine(seed);
    const open = await machine.open();
    open.wal.appendEntry(1, 1, 1, 0, patternBytes(100, seed));
    await machine.persist(open);
    machine.host.powerCut();
    outcomes.add(await outcomeOf(machine));
  }
  expect(outcomes).toContain("lost");
  expect(outcomes).toContain("WAL_CORRUPT");
});

/** What a start finds of the one entry. */
async function outcomeOf(machine: WalMachine): Promise<string> {
  try {
    return (await machine.open()).told.shard(1).entries.has(1) ? "there" : "lost";
  } catch (error) {
    return error instanceof DbError ? error.code : String(error);
  }
}

// Switches a planted bug on for one test.
import { onTestFinished } from "vitest";
import { type PlantedBug, plantedBugs } from "../planted-bugs.ts";

/** Switches a bug on until the present test has ended, however it ends. */
export function plant(bug: PlantedBug): void {
  onTestFinished(() => {
    plantedBugs[bug] = false;
  });
  plantedBugs[bug] = true;
}

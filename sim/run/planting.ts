// Switches planted bugs on: the control that shows whether the simulator finds anything.
import { type PlantedBug, plantedBugs } from "../../src/base/planted-bugs.ts";

/** Names of all planted bugs. */
export const PLANTED_BUGS: readonly PlantedBug[] = Object.keys(plantedBugs) as PlantedBug[];

/** Switches one bug on and all others off; an empty name switches all off. */
export function plant(name: string): void {
  if (name !== "" && !PLANTED_BUGS.includes(name as PlantedBug)) {
    throw new Error(`there is no planted bug "${name}"; there are ${PLANTED_BUGS.join(", ")}`);
  }
  for (const each of PLANTED_BUGS) plantedBugs[each] = each === name;
}

// Seeds that find the planted bugs. When the plan of a seed changes, these do too: look for them anew
// with `npm run sim -- --planted`.
import type { PlantedBug } from "../src/base/planted-bugs.ts";
import type { InvariantName } from "./invariants/names.ts";

/** Where a bug shows. */
export interface FoundBy {
  readonly seed: number;
  readonly commands: number;
  readonly rule: InvariantName;
}

/** By bug the seed that found it first. */
export const FOUND_BY: Readonly<Partial<Record<PlantedBug, FoundBy>>> = {};

/** Bugs that no seed has found yet: work to be done. */
export const NOT_FOUND_YET: readonly PlantedBug[] = [];

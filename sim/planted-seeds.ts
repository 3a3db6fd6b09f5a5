// Seeds.
import type { InvariantName } from "./invariants/names.ts";
export const FOUND_BY: Record<string, { seed: number; commands: number; rule: InvariantName }> = {};

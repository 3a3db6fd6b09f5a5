// The definition of linearizability, tried out: every order of every choice of operations. For
// checking the search on small histories.
import { latestEffectAt, type Operation } from "../history.ts";
import type { Model } from "../model.ts";

/** Whether any order works. O(n!) in the operations. */
export function isLinearizableByTrying<State, Op extends Operation>(
  history: readonly Op[],
  model: Model<State, Op>,
): boolean {
  const open = history.filter((one) => {
    const mayMatter = one.outcome === "unknown" && model.effectKey(one) !== null;
    return one.outcome === "ok" || mayMatter;
  });
  return canFinish([model.initial], open, model);
}

function canFinish<State, Op extends Operation>(
  states: readonly State[],
  open: readonly Op[],
  model: Model<State, Op>,
): boolean {
  if (states.length === 0) return false;
  if (open.every(({ outcome }) => outcome === "unknown")) return true;
  return open.some((next) => {
    const rest = open.filter((one) => one !== next);
    const isFirst = rest.every((one) => latestEffectAt(one) >= next.invokedAt);
    const after = states.flatMap((state) => model.step(state, next));
    return isFirst && canFinish(after, rest, model);
  });
}

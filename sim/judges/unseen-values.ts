// Values that no reply shows are made equal, so that the search meets fewer states, and writes of
// unknown outcome that nobody could tell apart count as one.
import type { StringAction, StringOperation } from "./string-actions.ts";

const PLACEHOLDER = "?";

/**
 * Replaces each value that cannot matter by question marks of the same length: it is no number, and
 * no reply and no comparison shows a text it is part of.
 */
export function hideUnseenValues(operations: readonly StringOperation[]): StringOperation[] {
  const shown = shownTexts(operations);
  // A value can be part of a longer one only where something is appended.
  const canJoin = operations.some(({ action }) => action.name === "APPEND");
  const allShown = canJoin ? [...shown].join("\n") : "";
  return operations.map((operation) => {
    const { action } = operation;
    const value = "value" in action ? action.value : "";
    if (value === "" || !Number.isNaN(Number(value))) return operation;
    if (shown.has(value) || allShown.includes(value)) return operation;
    const hidden = PLACEHOLDER.repeat(value.length);
    return { ...operation, action: { ...action, value: hidden } as StringAction };
  });
}

function shownTexts(operations: readonly StringOperation[]): Set<string> {
  const texts = new Set([PLACEHOLDER]);
  for (const { action, reply } of operations) {
    if (typeof reply === "string") texts.add(reply);
    if (action.name === "compare-and-set" && action.expected !== null) texts.add(action.expected);
  }
  return texts;
}

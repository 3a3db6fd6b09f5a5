// Checks that stay on in production: a broken invariant is a bug, and a bug stops the node.

/** Thrown by {@link invariant}; nobody catches it but the process's own last handler. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Stops the node when something that must hold does not.
 *
 * @param condition What must be true.
 * @param message The rule in plain words, not the symptom.
 * @throws InvariantError when `condition` is false.
 * @example
 * invariant(term >= termBefore, "term never decreases");
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

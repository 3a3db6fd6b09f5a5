// Comparison of plain values, for tests.

/** As a deep `expect().toEqual`, but fast enough for millions of calls. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (actual === expected) return;
  const left = JSON.stringify(actual) ?? "undefined";
  const right = JSON.stringify(expected) ?? "undefined";
  if (left === right) return;
  throw new Error(`${what}: got ${left.slice(0, 500)}, expected ${right.slice(0, 500)}`);
}

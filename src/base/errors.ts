// The one error class for failures a caller can meet. Outcomes are return values, bugs invariants.

/** Facts that go with an error into logs: plain values, never keys, values or secrets of users. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null>>;

/**
 * A failure with a stable code: bad configuration, full disk, damaged file, lost leadership.
 *
 * @example
 * throw new DbError("BAD_CONFIG", "port must be 1 to 65535", { port: 70000 });
 */
export class DbError extends Error {
  override readonly name = "DbError";
  /** Stable, upper case, listed in `docs/reference/errors.md`. */
  readonly code: string;
  readonly facts: ErrorFacts;

  constructor(code: string, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
  }
}

// Texts of the errors that commands reply with, letter by letter those of Redis 7.
import type { Args } from "../resp/args.ts";

export const SYNTAX_ERROR = "ERR syntax error";
export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
export const NOT_A_FLOAT = "ERR value is not a valid float";
export const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
export const NO_SUCH_KEY = "ERR no such key";
export const SAME_OBJECT = "ERR source and destination objects are the same";
export const BAD_DATABASE = "ERR DB index is out of range";
export const NOT_AN_INT32 =
  "ERR value is out of range, value must between -2147483648 and 2147483647";
export const BAD_CURSOR = "ERR invalid cursor";
export const BAD_OFFSET = "ERR offset is out of range";
export const TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
export const INCREMENT_OVERFLOW = "ERR increment or decrement would overflow";
export const DECREMENT_OVERFLOW = "ERR decrement would overflow";
export const FLOAT_OVERFLOW = "ERR increment would produce NaN or Infinity";
export const EXPIRE_MIXED_CONDITIONS =
  "ERR NX and XX, GT or LT options at the same time are not compatible";
export const EXPIRE_GT_AND_LT = "ERR GT and LT options at the same time are not compatible";

/** How many bytes of a client's words an error repeats. */
const ECHO_BYTES_MAX = 128;
/** The same for an option that EXPIRE does not know, which Redis repeats whole. */
const OPTION_ECHO_BYTES_MAX = 1024;

/** The error for an expiry that is not positive or does not fit in 64 bits. */
export function invalidExpireTime(command: string): string {
  return `ERR invalid expire time in '${command}' command`;
}

/**
 * The error for a wrong number of arguments; `command` is the full name, `client|list` for a
 * subcommand.
 */
export function wrongArity(command: string): string {
  return `ERR wrong number of arguments for '${command}' command`;
}

/**
 * The error for a command that does not exist, with the start of its arguments as Redis shows them.
 */
export function unknownCommand(args: Args): string {
  let shown = "";
  for (let index = 1; index < args.count && shown.length < ECHO_BYTES_MAX; index++) {
    shown += `'${shortText(args, index, ECHO_BYTES_MAX - shown.length)}' `;
  }
  const name = shortText(args, 0, ECHO_BYTES_MAX);
  return `ERR unknown command '${name}', with args beginning with: ${shown}`;
}

/** The error for a container command (`COMMAND`, `CLIENT`) without such a subcommand. */
export function unknownSubcommand(container: string, args: Args): string {
  const name = shortText(args, 1, ECHO_BYTES_MAX);
  return `ERR unknown subcommand '${name}'. Try ${container.toUpperCase()} HELP.`;
}

/** The error for an option of EXPIRE that does not exist. */
export function unsupportedOption(args: Args, index: number): string {
  return `ERR Unsupported option ${shortText(args, index, OPTION_ECHO_BYTES_MAX)}`;
}

/**
 * The start of an argument as text, one character per byte; stops at a NUL byte as C's printf does.
 */
function shortText(args: Args, index: number, bytesMax: number): string {
  const offset = args.offset(index);
  const end = offset + Math.min(args.length(index), bytesMax);
  let text = "";
  for (let at = offset; at < end && args.bytes[at] !== 0; at++) {
    text += String.fromCharCode(args.bytes[at]!);
  }
  return text;
}

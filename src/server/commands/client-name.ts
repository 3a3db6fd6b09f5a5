// Names that clients give to themselves and to their libraries.
import type { Args } from "../../resp/args.ts";
import { isPlainName } from "./family.ts";

/** Longest name, in bytes; Redis has no limit, but every name is repeated in CLIENT LIST. */
const NAME_BYTES_MAX = 1024;

const BAD_CLIENT_NAME = "ERR Client names cannot contain spaces, newlines or special characters.";
const CLIENT_NAME_TOO_LONG = `ERR names of clients are limited to ${NAME_BYTES_MAX} bytes`;

/** Null when an argument may be a client's name, or the error. */
export function clientNameError(args: Args, index: number): string | null {
  if (args.length(index) > NAME_BYTES_MAX) return CLIENT_NAME_TOO_LONG;
  return isPlainName(args, index) ? null : BAD_CLIENT_NAME;
}

/** Null when an argument may be the value of `lib-name` or `lib-ver`, or the error. */
export function libraryNameError(args: Args, index: number, option: string): string | null {
  if (args.length(index) > NAME_BYTES_MAX) return CLIENT_NAME_TOO_LONG;
  if (isPlainName(args, index)) return null;
  return `ERR ${option} cannot contain spaces, newlines or special characters.`;
}

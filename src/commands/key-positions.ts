// Which arguments of a command are keys, as plain numbers: for routing, ACL checks and COMMAND
// GETKEYS.
import type { KeySpecification } from "./command.ts";

/**
 * Index of the last argument that can be a key, given how many arguments there are, the name
 * counted. The keys are those from `first` to it in steps of `step`; there is none when it is below
 * `first` or `first` is 0.
 *
 * @example
 * const last = lastKeyIndex(command.keys, args.count);
 * for (let index = command.keys.first; index > 0 && index <= last; index += command.keys.step) {
 *   route(args, index);
 * }
 */
export function lastKeyIndex(keys: KeySpecification, count: number): number {
  if (keys.first === 0) return -1;
  return Math.min(count - 1, keys.last < 0 ? count + keys.last : keys.last);
}

// `client-output-buffer-limit`: Redis's form of four words for each class of clients; here one hard
// limit.
import type { RespServer } from "../resp-server.ts";
import { live, type Parameter } from "./parameter.ts";
import { type Read, readInteger, readMemory } from "./values.ts";

const CLASSES = new Set(["normal", "slave", "replica", "pubsub"]);
const LIMIT_BYTES_MIN = 1024 * 1024;
const LIMIT_BYTES_MAX = 64 * 1024 ** 3;

function show({ options }: RespServer): string {
  const limit = options.outputBufferBytesMax;
  return `normal ${limit} 0 0 slave ${limit} 0 0 pubsub ${limit} 0 0`;
}

/**
 * Reads `normal 64mb 0 0 ...`: the hard limit of normal clients, or -1 when it is not among the
 * classes.
 */
function read(text: string): Read<number> {
  const words = text.split(" ").filter((part) => part !== "");
  if (words.length === 0 || words.length % 4 !== 0) {
    return { error: "Wrong number of arguments in buffer limit configuration." };
  }
  let normal = -1;
  for (let at = 0; at < words.length; at += 4) {
    const kind = words[at]!.toLowerCase();
    if (!CLASSES.has(kind)) {
      return { error: "Invalid client class specified in buffer limit configuration." };
    }
    const limits = readLimits(words[at + 1]!, words[at + 2]!, words[at + 3]!);
    if ("error" in limits) return limits;
    if (kind === "normal") normal = limits.value;
  }
  return { value: normal };
}

function readLimits(hard: string, soft: string, seconds: string): Read<number> {
  const limit = readMemory(hard, 0, LIMIT_BYTES_MAX);
  const softLimit = readMemory(soft, 0, LIMIT_BYTES_MAX);
  const softSeconds = readInteger(seconds, 0, 2 ** 31 - 1);
  if ("error" in limit || "error" in softLimit || "error" in softSeconds) {
    return { error: "Error in hard, soft or soft_seconds setting in buffer limit configuration." };
  }
  if (softLimit.value !== 0) return { error: "soft limits are not supported, only hard ones" };
  return limit;
}

/** The limit on what waits to be sent to a client. */
export const outputBufferLimit: Parameter = live({
  name: "client-output-buffer-limit",
  summary: "Bytes that may wait to be sent to a client before it is closed.",
  get: show,
  read,
  set: ({ options }, limit) => {
    if (limit === -1) return null;
    if (limit < LIMIT_BYTES_MIN) {
      return "the hard limit of normal clients must be 1mb or more: no client is without a limit";
    }
    options.outputBufferBytesMax = limit;
    return null;
  },
});

// Random histories of string keys that are linearizable by construction: each operation runs at
// one moment between its invocation and its return.
import type { SimRandom } from "../../../src/platform/simulated/sim-random.ts";
import type { Outcome } from "../history.ts";
import {
  setAction,
  type Expiry,
  type StringAction,
  type StringOperation,
} from "../string-actions.ts";
import { StringServer } from "./string-server.ts";

/** What a run looks like. */
export interface RunShape {
  readonly operationCount: number;
  readonly clientCount: number;
  /** Share of operations whose outcome is unknown, 0 to 1. */
  readonly unknownShare: number;
  /** How far the shard's clock may be from true time. */
  readonly clockErrorMs: number;
  /** Which commands, and how often: names may repeat. */
  readonly names: readonly StringAction["name"][];
  /** Share of SETs with an expiry, 0 to 1. */
  readonly expiryShare: number;
}

/** Commands of the usual load. */
export const USUAL_NAMES: RunShape["names"] = [
  ...(["GET", "GET", "GET", "GET", "SET", "SET", "SET", "EXISTS", "STRLEN", "DEL"] as const),
  ...(["GETDEL", "GETSET", "APPEND", "compare-and-set", "PEXPIRE", "PERSIST", "PTTL"] as const),
];

interface Planned {
  readonly client: number;
  readonly invokedAt: number;
  readonly runsAt: number;
  readonly returnedAt: number;
}

/** One key's history; in it, each client has one operation at a time. */
export function randomHistory(random: SimRandom, shape: RunShape): StringOperation[] {
  const server = new StringServer();
  let shardMs = 0;
  let lastValue: string | null = null;
  const plans = plan(random, shape).toSorted((a, b) => a.runsAt - b.runsAt);
  return plans.map(({ client, invokedAt, runsAt, returnedAt }, place) => {
    const name = shape.names[random.between(0, shape.names.length - 1)]!;
    const action = randomAction(random, name, `v${place}`, lastValue, runsAt, shape.expiryShare);
    const isUnknown = random.chance(shape.unknownShare);
    // The clock stays within its bound, and never goes back.
    const errorMs = (random.fraction() * 2 - 1) * shape.clockErrorMs;
    shardMs = Math.max(shardMs, Math.floor(runsAt + errorMs));
    const happens = !isUnknown || random.chance(0.5);
    const reply = happens ? server.run(action, shardMs) : null;
    if (happens) lastValue = "value" in action ? action.value : lastValue;
    const outcome: Outcome = isUnknown ? "unknown" : "ok";
    return {
      client,
      invokedAt,
      returnedAt: isUnknown ? Infinity : returnedAt,
      keys: ["k"],
      action,
      outcome,
      reply: isUnknown ? null : reply,
    };
  });
}

/** Times of each client's operations; an operation without a reply may run much later. */
function plan(random: SimRandom, { operationCount, clientCount }: RunShape): Planned[] {
  const freeAt = Array.from({ length: clientCount }, () => random.fraction() * 10);
  return Array.from({ length: operationCount }, (_, place) => {
    const client = place % clientCount;
    const invokedAt = freeAt[client]! + random.fraction() * 5;
    const lastsMs = random.fraction() * (random.chance(0.05) ? 100 : 10);
    const returnedAt = invokedAt + lastsMs;
    freeAt[client] = returnedAt + 0.001;
    return { client, invokedAt, runsAt: invokedAt + random.fraction() * lastsMs, returnedAt };
  });
}

function randomAction(
  random: SimRandom,
  name: StringAction["name"],
  value: string,
  lastValue: string | null,
  nowMs: number,
  expiryShare: number,
): StringAction {
  if (name === "SET") {
    const onlyIf = ([null, null, null, "absent", "present"] as const)[random.between(0, 4)]!;
    const options = { onlyIf, returnsOld: random.chance(0.2) };
    if (!random.chance(expiryShare)) return setAction(value, options);
    return setAction(value, { ...options, expiry: randomExpiry(random, nowMs) });
  }
  if (name === "compare-and-set") {
    return { name, expected: random.chance(0.8) ? lastValue : "v0", value };
  }
  if (name === "GETSET" || name === "APPEND") return { name, value };
  if (name === "INCRBY") return { name, delta: random.between(1, 3) };
  return name === "PEXPIRE" ? { name, ms: random.between(10, 500) } : { name };
}

function randomExpiry(random: SimRandom, nowMs: number): Expiry {
  const ms = random.between(10, 500);
  const kinds: Expiry[] = [
    { kind: "after", ms },
    { kind: "at", ms: Math.floor(nowMs) + ms },
    { kind: "keep" },
  ];
  return kinds[random.between(0, 2)]!;
}

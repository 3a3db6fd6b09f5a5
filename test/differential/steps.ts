// Random steps of a client: the commands both servers are asked to run, good and bad ones.
import * as fc from "fast-check";

/**
 * An argument: text with one character per byte, a Unix time so many seconds from the start of the
 * run, or a duration that grows with the place in the run (so that comparing expiry times never
 * depends on milliseconds).
 */
export type StepArgument =
  | string
  | { readonly fromNow: number; readonly unit: "s" | "ms" }
  | { readonly duration: number; readonly unit: "s" | "ms" };

/** What one of two connections does. */
export type Step =
  | { readonly kind: "command"; readonly connection: 0 | 1; readonly args: readonly StepArgument[] }
  /** `watched` keys, commands of the other connection, then a transaction. */
  | {
      readonly kind: "transaction";
      readonly connection: 0 | 1;
      readonly watched: readonly string[];
      readonly between: readonly (readonly StepArgument[])[];
      readonly queued: readonly (readonly StepArgument[])[];
    }
  /** A whole iteration, whose keys are compared as a set. */
  | { readonly kind: "scan"; readonly connection: 0 | 1; readonly options: readonly string[] }
  /** A key that expires: waits until it has. */
  | { readonly kind: "expire"; readonly connection: 0 | 1; readonly key: string };

type Command = fc.Arbitrary<readonly StepArgument[]>;
interface Weighted {
  readonly weight: number;
  readonly arbitrary: Command;
}

/**
 * In as many slots: Kvorum may take a deletion in the slot of a missing key for a change of that
 * key.
 */
const KEYS = ["a", "b", "c", "key:1", "key:2", "{t}x", "", "\x00\xff\r\n", "k".repeat(300)];
const INTEGERS = ["0", "1", "-1", "10", "-37", "9223372036854775806", "-9223372036854775808"];
const FLOATS = ["0", "1.5", "-2.25", "3.0e3", "0.1", "1e-7", "12345678901234567", "-0", "5e20"];
const WORDS = ["", "v", "hello world", "\x00\x01\xfe\xff", "42", "-7", "3.25", "x".repeat(70)];
/** Short positive numbers are left out: as an expiry they would make a run depend on time. */
const ODD = [
  ...["", " ", "abc", "-1", "0", "+5", "007", " 12", "12 ", "1.5", "1e3", "nan", "inf", "-inf"],
  ...["9223372036854775807", "9223372036854775808", "-9223372036854775808"],
  ...["-9223372036854775809", "18446744073709551616", "9007199254740993", "-9007199254740993"],
  ...["99999999999999999999999", "1e400", "0x10", "\x00", "*", "NX", "EX", "GT", "COUNT", "MATCH"],
  ...["GET", "PERSIST", "KEEPTTL", "REPLACE", "DB", "\r\n"],
];
const PATTERNS = ["*", "key:*", "?", "[a-b]", "[^a]", "{t}*", "\\a", "*[", "", "k*k", "**b**"];

const key = fc.constantFrom(...KEYS);
const word = fc.oneof(
  fc.constantFrom(...WORDS, ...INTEGERS, ...FLOATS),
  fc.string({ unit: "binary-ascii" }),
);
const integer = fc.oneof(
  fc.constantFrom(...INTEGERS),
  fc.integer({ min: -1000, max: 1000 }).map(String),
);
const float = fc.constantFrom(...FLOATS);
const offset = fc.integer({ min: -12, max: 40 }).map(String);
const database = fc.constantFrom("0", "0", "1", "2", "3", "15", "16", "-1");
const seconds = fc.constantFrom(2000, 20_000, 400_000);
/** Past times as well: they delete at once. */
const fromNow = fc.constantFrom(-1_000_000, -1000, 1500, 30_000, 500_000);

const durationIn = (unit: "s" | "ms"): fc.Arbitrary<StepArgument> =>
  seconds.map((duration) => ({ duration, unit }));
const timeIn = (unit: "s" | "ms"): fc.Arbitrary<StepArgument> =>
  fromNow.map((value) => ({ fromNow: value, unit }));
const expiryOption: Command = fc.oneof(
  fc.tuple(fc.constant("EX"), durationIn("s")),
  fc.tuple(fc.constant("px"), durationIn("ms")),
  fc.tuple(fc.constant("EXAT"), timeIn("s")),
  fc.tuple(fc.constant("PXAT"), timeIn("ms")),
);
const keys = fc.array(key, { minLength: 1, maxLength: 4 });
const nothing: Command = fc.constant([]);

/** A command of a name and parts; a part may be one argument or several. */
function command(
  weight: number,
  name: string,
  ...parts: (fc.Arbitrary<StepArgument> | Command)[]
): Weighted {
  const flat = fc.tuple(...parts).map((values) => values.flat().toSpliced(0, 0, name));
  return { weight, arbitrary: flat };
}

const setOptions: Command = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: nothing }, fc.constantFrom(["NX"], ["XX"], ["nx", "XX"])),
    fc.oneof({ weight: 2, arbitrary: nothing }, fc.constant(["GET"])),
    fc.oneof({ weight: 2, arbitrary: nothing }, expiryOption, fc.constant(["KEEPTTL"])),
    fc.oneof({ weight: 12, arbitrary: nothing }, expiryOption, fc.constant(["KEEPTTL"])),
    fc.boolean(),
  )
  .map(([condition, get, expiry, more, reversed]) => {
    const groups = [condition, get, expiry, more];
    return (reversed ? groups.toReversed() : groups).flat();
  });

const expireFlags: Command = fc.oneof(
  { weight: 3, arbitrary: nothing },
  { weight: 4, arbitrary: fc.constantFrom(["NX"], ["XX"], ["GT"], ["LT"]) },
  fc.constantFrom(["XX", "GT"], ["GT", "LT"], ["NX", "XX"], ["NX", "LT"]),
);

const strings: readonly Weighted[] = [
  command(8, "GET", key),
  command(10, "SET", key, word, setOptions),
  command(2, "GETSET", key, word),
  command(2, "GETDEL", key),
  command(3, "GETEX", key, fc.oneof(nothing, expiryOption, fc.constant(["PERSIST"]))),
  command(2, "SETNX", key, word),
  command(2, "SETEX", key, durationIn("s"), word),
  command(2, "PSETEX", key, durationIn("ms"), word),
  command(3, "MGET", keys),
  command(3, "MSET", fc.array(fc.tuple(key, word), { minLength: 1, maxLength: 3 }).map(flatten)),
  command(2, "MSETNX", fc.array(fc.tuple(key, word), { minLength: 1, maxLength: 3 }).map(flatten)),
  command(3, "INCR", key),
  command(2, "DECR", key),
  command(3, "INCRBY", key, integer),
  command(2, "DECRBY", key, integer),
  command(3, "INCRBYFLOAT", key, fc.oneof(float, integer)),
  command(3, "APPEND", key, word),
  command(2, "STRLEN", key),
  command(3, "GETRANGE", key, offset, offset),
  command(3, "SETRANGE", key, fc.oneof(offset, fc.constantFrom("5000", "536870912")), word),
  command(1, "SUBSTR", key, offset, offset),
];

const generic: readonly Weighted[] = [
  command(4, "DEL", keys),
  command(2, "UNLINK", keys),
  command(2, "EXISTS", keys),
  command(1, "TOUCH", keys),
  command(1, "TYPE", key),
  command(3, "EXPIRE", key, durationIn("s"), expireFlags),
  command(3, "PEXPIRE", key, durationIn("ms"), expireFlags),
  command(3, "EXPIREAT", key, timeIn("s"), expireFlags),
  command(3, "PEXPIREAT", key, timeIn("ms"), expireFlags),
  command(2, "TTL", key),
  command(2, "PTTL", key),
  command(2, "EXPIRETIME", key),
  command(2, "PEXPIRETIME", key),
  command(2, "PERSIST", key),
  command(2, "RENAME", key, key),
  command(2, "RENAMENX", key, key),
  command(
    3,
    "COPY",
    key,
    key,
    fc.oneof(nothing, fc.tuple(fc.constant("DB"), database)),
    fc.oneof(nothing, fc.constant(["REPLACE"])),
  ),
  command(3, "MOVE", key, database),
  command(1, "SWAPDB", database, database),
  command(3, "SELECT", database),
  command(2, "KEYS", fc.constantFrom(...PATTERNS)),
  command(1, "RANDOMKEY"),
  command(3, "DBSIZE"),
  command(1, "FLUSHDB", fc.constantFrom<readonly string[]>([], ["ASYNC"], ["SYNC"], ["NOW"])),
];

const connection: readonly Weighted[] = [
  command(2, "MULTI"),
  command(3, "EXEC"),
  command(1, "DISCARD"),
  command(2, "WATCH", keys),
  command(1, "UNWATCH"),
  command(1, "PING", fc.oneof(nothing, fc.tuple(word))),
  command(1, "ECHO", word),
  command(
    1,
    "CLIENT",
    fc.constantFrom(["GETNAME"], ["SETNAME", "me"], ["SETNAME", "not me"], ["NO"]),
  ),
  command(1, "HELLO", fc.constantFrom(["4"], ["x"], ["3", "AUTH"], ["3", "SETNAME", "a b"])),
  command(1, "NOSUCH", fc.array(word, { maxLength: 3 })),
  command(
    1,
    "COMMAND",
    fc.constantFrom(["GETKEYS", "MSET", "a", "1", "b", "2"], ["GETKEYS", "PING"]),
  ),
];

const data: Command = fc.oneof(...strings, ...generic);
const good: Command = fc.oneof(...strings, ...generic, ...connection);

/**
 * A command with one argument dropped, added or replaced: mostly an error, and it must be the same
 * one.
 */
const bad: Command = fc
  .tuple(good, fc.nat(), fc.constantFrom("drop", "add", "replace"), fc.constantFrom(...ODD))
  .map(([args, place, how, odd]) => {
    const at = 1 + (args.length > 1 ? place % (args.length - 1) : 0);
    if (how === "drop") return args.length === 1 ? args : args.toSpliced(at, 1);
    if (how === "add") return args.toSpliced(at, 0, odd);
    return args.length === 1 ? args.concat(odd) : args.with(at, odd);
  })
  .filter((args) => !changesTheSetting(args));

const whichConnection = fc.oneof(
  { weight: 7, arbitrary: fc.constant<0 | 1>(0) },
  { weight: 1, arbitrary: fc.constant<0 | 1>(1) },
);

/** One random step. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 100,
    arbitrary: fc.record({
      kind: fc.constant("command"),
      connection: whichConnection,
      args: fc.oneof({ weight: 8, arbitrary: good }, { weight: 1, arbitrary: bad }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("transaction"),
      connection: fc.constantFrom<0 | 1>(0, 1),
      watched: fc.array(key, { maxLength: 3 }),
      between: fc.array(data, { maxLength: 2 }),
      queued: fc.array(fc.oneof({ weight: 40, arbitrary: data }, bad), { maxLength: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("scan"),
      connection: whichConnection,
      options: fc
        .tuple(
          fc.oneof(
            fc.constant([]),
            fc.constantFrom(...PATTERNS).map((text) => ["MATCH", text]),
          ),
          fc.oneof(
            fc.constant([]),
            fc.constantFrom("1", "3", "1000").map((text) => ["COUNT", text]),
          ),
          fc.oneof(
            fc.constant([]),
            fc.constantFrom("string", "hash").map((text) => ["TYPE", text]),
          ),
        )
        .map((options) => options.flat()),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("expire"), connection: whichConnection, key }),
  },
);

/** HELLO and CLIENT in a changed form could switch the protocol or the replies off. */
function changesTheSetting(args: readonly StepArgument[]): boolean {
  return args[0] === "HELLO" || args[0] === "CLIENT";
}

function flatten(pairs: readonly (readonly StepArgument[])[]): StepArgument[] {
  return pairs.flat();
}

// The page on data commands in docs/reference, kept equal to the table. To renew it:
// `npx vitest run src/commands/reference-page -u`.
import { expect, test } from "vitest";
import { referencePage } from "./testing/reference-page.ts";
import { dataCommands } from "./table.ts";

const INTRODUCTION = `Strings, keys, expiry and databases. Replies and errors are those of Redis
7.2, also where they look odd; what differs says so below. This page is made
from the command table (\`src/commands/table.ts\`): edit that, or the notes
in \`src/commands/reference-page.test.ts\`.

What holds for all of them:

- Keys and values are any bytes, up to 512 MiB.
- Integers are exact in all 64 bits.
- Expiry is kept in Unix milliseconds up to 2^53 - 1 (the year 287396). Redis takes times up to
  2^63 - 1; a later one is accepted and kept as 2^53 - 1.
- A key vanishes for everyone at its very millisecond by the shard's clock, and never comes back.`;

const NOTES = new Map<string, string>([
  [
    "append",
    "The value is written anew: appending to a long string costs its length. Redis grows it " +
      "in place.",
  ],
  [
    "dbsize",
    "Counts keys that have expired but are not removed yet, as Redis does. Reading such a " +
      "key does not remove it here, so that the count can be higher than in Redis for a " +
      "moment.",
  ],
  ["flushdb", "ASYNC and SYNC mean the same."],
  ["mget", "More than 8192 keys are read in steps, as KEYS does it; so with EXISTS and TOUCH."],
  ["flushall", "ASYNC and SYNC mean the same."],
  [
    "incrbyfloat",
    "Works with the 80-bit numbers of Redis on x86-64, in exact integers: the digits are " +
      "the same on every machine. Texts that Redis takes are taken: decimal, hexadecimal " +
      "(`0x1p3`), up to 5119 bytes.",
  ],
  [
    "keys",
    "Bytes in ranges (`[a-z]`) compare unsigned. Redis on x86 compares them signed, which " +
      "differs where one end is above 127 and the other below. Over more than 8192 keys it runs " +
      "in steps of some milliseconds, between which others are served; the reply is the state at " +
      "one moment all the same. Within MULTI it runs in one piece.",
  ],
  [
    "scan",
    "The cursor is a place in the key space, not in a table: a walk survives growth, " +
      "failover and the split of a shard, and a key that is there from start to end is " +
      "returned exactly once. COUNT is how many keys are looked at, at most 8192 in one " +
      "call.",
  ],
  ["setrange", "The value is written anew: a change costs its length. Redis changes it in place."],
]);

test("the reference page of data commands is up to date", async () => {
  const page = referencePage("Data commands", INTRODUCTION, dataCommands, NOTES);
  expect(page).toContain("SET key value [NX|XX] [GET]");
  await expect(page).toMatchFileSnapshot("../../docs/reference/data-commands.md");
});

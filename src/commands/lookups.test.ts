// Which commands count as lookups of keys, for keyspace_hits and keyspace_misses: as Redis 7 does.
import { expect, test } from "vitest";
import { CommandTester } from "./testing/command-tester.ts";

test.each([
  ["GET k", 1, 0],
  ["GET none", 0, 1],
  ["GET list", 1, 0],
  ["MGET k none list", 2, 1],
  ["STRLEN k", 1, 0],
  ["GETRANGE none 0 1", 0, 1],
  ["SUBSTR k 0 1", 1, 0],
  ["EXISTS k none k", 2, 1],
  ["TOUCH k none", 1, 1],
  ["TYPE k", 1, 0],
  ["TTL none", 0, 1],
  ["PTTL k", 1, 0],
  ["EXPIRETIME k", 1, 0],
  ["PEXPIRETIME none", 0, 1],
  ["GETEX k", 1, 0],
  ["GETSET none 1", 0, 1],
  ["GETDEL k", 1, 0],
  ["SET k 1 GET", 1, 0],
  ["SET none 1 NX GET", 0, 1],
  ["COPY k other", 1, 0],
  ["COPY none other", 0, 1],
  ["SET k 1 NX", 0, 0],
  ["SET none 1 XX", 0, 0],
  ["SETNX k 1", 0, 0],
  ["APPEND k 1", 0, 0],
  ["INCR number", 0, 0],
  ["INCRBYFLOAT number 1", 0, 0],
  ["SETRANGE k 0 1", 0, 0],
  ["RENAME k other", 0, 0],
  ["MOVE k 3", 0, 0],
  ["PERSIST k", 0, 0],
  ["EXPIRE none 1000", 0, 0],
  ["MSETNX k 1 z 2", 0, 0],
  ["DEL k none", 0, 0],
  ["SCAN 0", 0, 0],
  ["KEYS *", 0, 0],
  ["RANDOMKEY", 0, 0],
  ["DBSIZE", 0, 0],
])("%s: %i hits, %i misses", (line, hits, misses) => {
  const tester = new CommandTester();
  tester.run("mset", "k", "value", "number", "1");
  tester.putRecord("list", 2);
  const [name, ...words] = line.split(" ");
  tester.run(name!, ...words);
  expect([tester.context.hits, tester.context.misses]).toEqual([hits, misses]);
});

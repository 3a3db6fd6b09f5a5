// On the real disk: every +OK leaves after a completed write, to a log file opened with O_DSYNC,
// that holds the value and began after the command had been read. strace sees it; what the page
// cache hides, it does not.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { isInstalled } from "../support/redis-server.ts";
import { parseStrace, type SystemCall } from "./strace-log.ts";

const TRACED = "openat,pwrite64,pwritev,write,writev,read,recvfrom,sendto,sendmsg";
const CLIENTS = 6;
const WRITES_PER_CLIENT = 25;
const OK = /\+OK\\r\\n/g;

/** One acknowledged write as the system calls around it. */
interface Acknowledged {
  readonly marker: string;
  readonly read: SystemCall;
  readonly replied: SystemCall;
}

describe.skipIf(!isInstalled("strace"))("the log under strace", () => {
  let lab: Lab;
  let calls: SystemCall[];

  beforeAll(async () => {
    lab = new Lab();
    const file = join(lab.freshFolder("strace"), "calls");
    const options = ["-f", "-ttt", "-T", "-y", "-s", "20000", "-e", `trace=${TRACED}`];
    const server = await KvorumServer.start(lab, { under: ["strace", ...options, "-o", file] });
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => writeMarked(server, client)));
    // The last call that strace saw begin has no end in its log: let that not be an +OK.
    await server.with((connection) => connection.ask("PING"));
    await server.kill();
    calls = parseStrace(readFileSync(file, "utf8"));
  }, 120_000);

  afterAll(async () => {
    await lab.close();
  });

  test("each +OK follows a synced write that began after the command came", () => {
    const synced = syncedFiles(calls);
    expect(synced.size, "files opened with O_DSYNC").toBeGreaterThan(0);
    const writes = calls.filter(({ name, file }) => name.startsWith("pwrite") && synced.has(file));
    const acknowledged = findAcknowledged(calls);
    expect(acknowledged.length).toBe(CLIENTS * WRITES_PER_CLIENT);
    for (const { marker, read, replied } of acknowledged) {
      const write = writes.find(({ text }) => text.includes(marker));
      expect(write, `a synced write of ${marker}`).toBeDefined();
      expect(write!.result, `bytes written with ${marker}`).toBeGreaterThan(0);
      expect(write!.startedAt, `the write of ${marker} begins`).toBeGreaterThanOrEqual(
        read.endedAt,
      );
      expect(write!.endedAt, `the write of ${marker} ends`).toBeLessThanOrEqual(replied.startedAt);
    }
  });

  test("data reaches files of the log in no other way", () => {
    const synced = syncedFiles(calls);
    const others = calls.filter(
      ({ name, file, text }) =>
        /^p?writev?(64)?$/.test(name) && !synced.has(file) && /marker-\d+-\d+-end/.test(text),
    );
    expect(others.map(({ name, file }) => `${name} ${file}`)).toEqual([]);
  });
});

/**
 * One write after the other, so that the n-th +OK on this socket belongs to the n-th command read
 * from it.
 */
async function writeMarked(server: KvorumServer, client: number): Promise<void> {
  await server.with(async (connection) => {
    for (let number = 0; number < WRITES_PER_CLIENT; number++) {
      const reply = await connection.ask("SET", `key-${client}`, `marker-${client}-${number}-end`);
      expect(reply).toBe("+OK");
    }
  });
}

/** Paths that were opened with O_DSYNC. */
function syncedFiles(calls: readonly SystemCall[]): Set<string> {
  const paths = new Set<string>();
  for (const { name, text, result } of calls) {
    const path = /^[^,]*, "([^"]*)", ([A-Z_|]*)/.exec(text);
    if (name !== "openat" || result < 0 || path === null) continue;
    if (path[2]!.split("|").includes("O_DSYNC")) paths.add(path[1]!);
  }
  return paths;
}

/** Pairs the commands and the replies of each socket. */
function findAcknowledged(calls: readonly SystemCall[]): Acknowledged[] {
  const found: Acknowledged[] = [];
  const waiting = new Map<string, { marker: string; read: SystemCall }[]>();
  for (const call of calls) {
    if (!call.file.startsWith("socket:")) continue;
    const queue = waiting.get(call.file) ?? [];
    waiting.set(call.file, queue);
    if (call.name === "read" || call.name === "recvfrom") {
      for (const [marker] of call.text.matchAll(/marker-\d+-\d+-end/g))
        queue.push({ marker, read: call });
    } else {
      const replies = call.text.match(OK)?.length ?? 0;
      for (const { marker, read } of queue.splice(0, replies)) {
        found.push({ marker, read, replied: call });
      }
    }
  }
  return found;
}

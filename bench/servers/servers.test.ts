// Starting and ending processes, free ports, and what is read from servers.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { typescriptArgs } from "../typescript.ts";
import { Children, until } from "./children.ts";
import { standInCommand } from "./kvorum.ts";
import { freePort } from "./ports.ts";
import { parseInfo } from "./resp-control.ts";
import { familyOf } from "./server.ts";

/** Whether a process runs: one that was killed may wait as a zombie for init to collect it. */
function isRunning(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z /.test(readFileSync(path, "utf8"));
}

describe("Children", () => {
  test("close ends a child with its own children and removes the folder", async () => {
    const children = new Children();
    const child = children.start("/bin/sh", ["-c", "sleep 1000 & echo $!; wait"]);
    await until("the script starts", [child], async () => child.log().includes("\n"));
    const grandchild = Number(child.log());
    expect(isRunning(grandchild)).toBe(true);
    await children.close();
    expect(child.isAlive()).toBe(false);
    await vi.waitFor(() => expect(isRunning(grandchild)).toBe(false));
    expect(existsSync(children.folder)).toBe(false);
  });

  test("a reaper ends all when the process that started the children is killed", async () => {
    const children = new Children();
    const program = join(import.meta.dirname, "orphan-fixture.ts");
    const parent = children.start(process.execPath, [...typescriptArgs, program]);
    await until("the fixture starts", [parent], async () => parent.log().includes("\n"));
    const { pid, folder } = JSON.parse(parent.log()) as { pid: number; folder: string };
    expect(isRunning(pid)).toBe(true);
    process.kill(parent.pid, "SIGKILL");
    await vi.waitFor(() => expect([existsSync(folder), isRunning(pid)]).toEqual([false, false]), {
      timeout: 20_000,
    });
    await children.close();
  });

  test("what was started for work that failed is killed, and nothing else", async () => {
    const children = new Children();
    const other = children.start("sleep", ["1000"]);
    let started = other;
    const work = children.orNone(async () => {
      started = children.start("sleep", ["1000"]);
      throw new Error("no leader");
    });
    await expect(work).rejects.toThrow("no leader");
    expect([other.isAlive(), started.isAlive()]).toEqual([true, false]);
    await children.close();
  });

  test("until names a process that ended, with its last words", async () => {
    const children = new Children();
    const child = children.start("/bin/sh", ["-c", "echo bad flag; exit 1"]);
    const waiting = until("it starts", [child], async () => false);
    await expect(waiting).rejects.toThrow(/it starts: the process ended[^]*bad flag/);
    await children.close();
  });
});

describe("freePort", () => {
  test("skips a port that is taken, and does not give one twice", async () => {
    const taken = createServer();
    const first = await freePort();
    taken.listen(first + 1, "127.0.0.1");
    await once(taken, "listening");
    const second = await freePort();
    expect(second).not.toBe(first);
    expect(second).not.toBe(first + 1);
    taken.close();
    await once(taken, "close");
  });
});

test("INFO is read line by line, values may hold colons", () => {
  const info = parseInfo("# Server\r\nredis_version:7.0.15\r\nslave0:ip=::1,port=1\r\n\r\n");
  expect([...info]).toEqual([
    ["redis_version", "7.0.15"],
    ["slave0", "ip=::1,port=1"],
  ]);
});

test("a stand-in gets port and folder, also twice", () => {
  expect(standInCommand("node x.mjs {port} {dir} {port}", 7, "/d")).toEqual([
    ...["node", "x.mjs", "7", "/d", "7"],
  ]);
  expect(standInCommand(null, 7, "/d")).toBeNull();
});

test("families are read off the kinds", () => {
  expect((["kvorum-three", "redis-durable", "etcd-three"] as const).map(familyOf)).toEqual([
    "kvorum",
    "redis",
    "etcd",
  ]);
});

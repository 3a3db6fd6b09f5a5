// `kvorum dev`, `kvorum status` and `kvorum cli` as a user runs them.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../bench/servers/ports.ts";
import { kvorumPath } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import type { Program } from "../support/program.ts";

const READY = /kvorum dev ready: (.*); (data .*)/;

let lab: Lab;
let port: number;

/** Runs `kvorum` to its end. */
function run(input: string, ...args: string[]): { code: number | null; out: string; err: string } {
  const ended = spawnSync(process.execPath, [kvorumPath, ...args], { input, encoding: "utf8" });
  return { code: ended.status, out: ended.stdout, err: ended.stderr };
}

function cli(place: number, ...words: string[]): string {
  return run("", "cli", "-p", `${port + place}`, "--no-raw", ...words).out.trimEnd();
}

beforeAll(async () => {
  lab = new Lab();
  port = await freePort([0, 1, 2, 10_000, 10_001, 10_002]);
});

afterAll(async () => {
  await lab.close();
});

describe("kvorum dev --nodes 3", () => {
  let program: Program;
  let data: string;
  let pids: number[];

  beforeAll(async () => {
    data = lab.freshFolder("dev");
    const args = ["dev", "--nodes", "3", "--port", `${port}`, "--data", data];
    program = lab.start(process.execPath, [kvorumPath, ...args]);
    const ready = await program.seen(READY);
    pids = [...ready[1]!.matchAll(/pid (\d+)/g)].map((match) => Number(match[1]));
  });

  test("is ready with three voters", () => {
    const { code, out } = run("", "status", "-p", `${port + 1}`);
    expect(code).toBe(0);
    expect(out.match(/ leader /g)).toHaveLength(1);
    expect(out.match(/ follower /g)).toHaveLength(2);
    expect(out).toContain("healthy: 3 voters: any one of them may fail");
  });

  test("kvorum cli: commands, pipes, exit codes", () => {
    expect(cli(0, "SET", "greeting", "hello world")).toBe("OK");
    expect(cli(1, "GET", "greeting")).toBe('"hello world"');
    expect(cli(2, "MGET", "greeting", "none")).toBe('1) "hello world"\n2) (nil)');
    expect(run("", "cli", "-p", `${port}`, "GET", "greeting").out).toBe("hello world\n");
    expect(run("", "cli", "-p", `${port}`, "INCR", "greeting").code).toBe(1);
    expect(run("", "cli", "-p", "1", "PING")).toMatchObject({ code: 1, out: "" });
    const piped = run("INCR n\n\nINCR n\nGET 'n'\n", "cli", "-p", `${port}`);
    expect(piped).toMatchObject({ code: 0, out: "1\n2\n2\n" });
    expect(run("by pipe", "cli", "-p", `${port}`, "-x", "SET", "piped").out).toBe("OK\n");
    expect(run("", "cli", "-p", `${port}`, "GET", "piped").out).toBe("by pipe\n");
    expect(run("GET n\nNOSUCH\nGET n\n", "cli", "-p", `${port}`).code).toBe(1);
    expect(run("", "cli", "-p", `${port}`, "-n", "3", "GET", "n").out).toBe("\n");
  });

  test("survives the loss of its leader and says what happened", async () => {
    const status = JSON.parse(run("", "status", "-p", `${port}`, "--json").out) as {
      leader: number;
      nodes: { nodeId: number; address: string }[];
    };
    const address = status.nodes.find((node) => node.nodeId === status.leader)!.address;
    const place = Number(address.split(":")[1]) - port;
    process.kill(pids[place]!, "SIGKILL");
    await program.seen(/was ended by SIGKILL; 2 of 3 go on/);
    const other = (place + 1) % 3;
    expect(cli(other, "SET", "after", "1")).toBe("OK");
    const after = run("", "status", "-p", `${port + other}`);
    expect(after.code).toBe(0);
    expect(after.out).toContain("3 voters: any one of them may fail, and one has");
    expect(after.out).toMatch(/\? +127\.0\.0\.1:\d+ +down/);
    // A node that is started by hand on its data is back in the cluster.
    const args = ["server", "--port", `${port + place}`, "--data", `${data}/node-${place + 1}`];
    const back = lab.start(process.execPath, [kvorumPath, ...args]);
    await back.seen(/ready/);
    expect(cli(place, "GET", "after")).toBe('"1"');
    expect((await back.terminate()).code).toBe(0);
  });

  test("SIGTERM ends all nodes; the data stays and is there the next time", async () => {
    expect(await program.terminate()).toEqual({ code: 0, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    const args = ["dev", "--nodes", "3", "--port", `${port}`, "--data", data];
    const again = lab.start(process.execPath, [kvorumPath, ...args]);
    await again.seen(READY);
    expect(cli(1, "GET", "after")).toBe('"1"');
    expect((await again.terminate()).code).toBe(0);
  });
});

describe("kvorum dev --nodes 1 without --data", () => {
  async function start(): Promise<{ program: Program; pid: number; folder: string }> {
    const args = ["dev", "--nodes", "1", "--port", `${port}`];
    const program = lab.start(process.execPath, [kvorumPath, ...args]);
    const ready = await program.seen(READY);
    const pid = Number(/pid (\d+)/.exec(ready[1]!)![1]);
    const folder = run("", "cli", "-p", `${port}`, "CONFIG", "GET", "dir").out.split("\n")[1]!;
    return { program, pid, folder };
  }

  test("throws its data away at the end", async () => {
    const { program, folder } = await start();
    expect(existsSync(folder)).toBe(true);
    expect((await program.terminate()).code).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });

  test("killed, it takes its node along", async () => {
    const { program, pid, folder } = await start();
    program.signal("SIGKILL");
    await program.ended;
    const endMs = performance.now() + 10_000;
    while (isAlive(pid) && performance.now() < endMs) await pause(50);
    expect(isAlive(pid)).toBe(false);
    rmSync(dirname(folder), { recursive: true, force: true });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // There is no such process any more.
    return false;
  }
}

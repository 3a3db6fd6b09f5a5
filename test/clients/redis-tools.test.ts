// redis-cli and redis-benchmark as processes, and a person at a plain socket.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { isInstalled } from "../support/redis-server.ts";

let lab: Lab;
let server: KvorumServer;

beforeAll(async () => {
  lab = new Lab();
  server = await KvorumServer.start(lab);
});

beforeEach(async () => {
  await server.with((connection) => connection.call("FLUSHALL"));
});

afterAll(async () => {
  await lab.close();
});

describe.skipIf(!isInstalled("redis-cli"))("redis-cli", () => {
  const run = async (...args: string[]): Promise<{ output: string; code: number | null }> => {
    const program = lab.start("redis-cli", ["-p", String(server.port), ...args]);
    const { code } = await program.end();
    return { output: program.output, code };
  };

  test.each([
    { args: ["SET", "a", "1"], output: /^OK\n$/ },
    { args: ["GET", "missing"], output: /^\n$/ },
    { args: ["-3", "HELLO"], output: /proto 3/ },
    { args: ["NOSUCH"], output: /^ERR unknown command 'NOSUCH', with args beginning with: \n\n$/ },
    { args: ["--no-raw", "MSETNX", "x", "1", "y", "2"], output: /^\(integer\) 1\n$/ },
    { args: ["-n", "3", "DBSIZE"], output: /^0\n$/ },
    { args: ["INFO", "replication"], output: /role:master/ },
  ])("runs $args", async ({ args, output }) => {
    const result = await run(...args);
    expect(result.code).toBe(0);
    expect(result.output).toMatch(output);
  });

  test("scans, finds the largest keys, and reads a mass of commands from a pipe", async () => {
    const commands = Array.from({ length: 5000 }, (_, index) => `SET k:${index} ${index}`);
    const file = `printf '%s\\r\\n' ${commands.map((text) => `'${text}'`).join(" ")}`;
    const piped = lab.start("sh", ["-c", `${file} | redis-cli -p ${server.port} --pipe`]);
    expect((await piped.end()).code).toBe(0);
    expect(piped.output).toContain("errors: 0, replies: 5000");
    const scanned = await run("--scan", "--pattern", "k:*");
    expect(scanned.output.trim().split("\n")).toHaveLength(5000);
    const biggest = await run("--bigkeys");
    expect(biggest.output).toContain("5000 strings with 18890 bytes");
    expect((await run("DBSIZE")).output).toBe("5000\n");
  });
});

describe.skipIf(!isInstalled("redis-benchmark"))("redis-benchmark", () => {
  test("runs its tests for the commands that there are", async () => {
    const tests = "ping_inline,ping_mbulk,set,get,incr,mset";
    const args = ["-p", String(server.port), "-n", "2000", "-c", "20", "-P", "4", "-t", tests];
    const program = lab.start("redis-benchmark", [...args, "--csv"]);
    expect((await program.end()).code).toBe(0);
    const rows = program.output.match(/^"(?!test)[^"]+","[\d.]+"/gm);
    expect(rows).toHaveLength(6);
    expect(program.output).not.toContain("ERR");
  });
});

describe("a person at a plain socket", () => {
  test("types commands with quotes and escapes", async () => {
    await server.with(async (connection) => {
      connection.write(
        'SET "a key" \'it\\\'s\'\r\nGET "a key"\nset b "\\x00\\xff\\n"\r\nGET b\r\n',
      );
      connection.write("\r\n   \r\nPING\r\nECHO   two words  \r\nECHO 'two words'\r\n");
      const replies = await connection.readMany(7);
      expect(replies.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
        "simple OK",
        "bulk it's",
        "simple OK",
        "bulk \x00\xff\n",
        "simple PONG",
        "error ERR wrong number of arguments for 'echo' command",
        "bulk two words",
      ]);
      connection.write("QUIT\r\n");
      expect(await connection.read()).toMatchObject({ kind: "simple", text: "OK" });
      await connection.closed();
    });
  });
});

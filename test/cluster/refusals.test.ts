// What `kvorum server` refuses, and whether it says what to do instead.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../bench/servers/ports.ts";
import { kvorumPath, KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { RespConnection } from "../support/resp-connection.ts";

let lab: Lab;

beforeAll(() => {
  lab = new Lab();
});

afterAll(async () => {
  await lab.close();
});

function server(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  const ended = spawnSync(process.execPath, [kvorumPath, "server", ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
    timeout: 20_000,
    cwd: lab.folder,
  });
  expect(ended.status).toBe(1);
  expect(ended.stderr).not.toContain("    at ");
  return ended.stderr;
}

describe("refused with a word on what to do", () => {
  test.each([
    { name: "a bad port", args: ["--port", "x"], says: "A port is a number from 0" },
    { name: "an unknown flag", args: ["--prot", "1"], says: "Did you mean --port?" },
    {
      name: "an open port without secrets",
      args: ["--bind", "0.0.0.0", "--announce", "h"],
      says: "wants a password for clients (--requirepass or KVORUM_REQUIREPASS) and a secret",
    },
    {
      name: "an open port without a cluster secret",
      args: ["--bind", "0.0.0.0", "--announce", "h", "--requirepass", "x"],
      says: "wants a secret for its nodes (--cluster-secret-file or KVORUM_CLUSTER_SECRET)",
    },
    {
      name: "a bootstrap without addresses",
      args: ["--bootstrap-expect", "3"],
      says: "--bootstrap-expect needs --join",
    },
    { name: "two ports that are one", args: ["--peer-port", "6379"], says: "are both 6379" },
    { name: "a bad address", args: ["--join", "::1:x"], says: "write HOST:PEERPORT" },
    { name: "the disk engine", args: ["--engine", "disk"], says: "not part of this release" },
    { name: "bad bytes", args: ["--maxmemory", "1x"], says: "such as 500mb" },
    {
      name: "no secret file",
      args: ["--cluster-secret-file", "/nowhere"],
      says: "cannot read --cluster-secret-file /nowhere",
    },
  ])("$name", ({ args, says }) => {
    expect(server(args)).toContain(says);
  });

  test("a bad variable is named", () => {
    expect(server([], { KVORUM_PORT: "70000" })).toContain("'KVORUM_PORT'");
  });

  test.each([
    { text: "port = 7000\nprot = 1\n", says: ':2: there is no setting "prot"' },
    { text: "peer_port = 7000\n", says: 'did you mean "peer-port"?' },
    { text: "port = \n", says: ":1:" },
    { text: "\n\nport = 99999\n", says: ':3: "99999" is no value for "port"' },
    { text: "[port]\nx = 1\n", says: "is a single value" },
  ])("a configuration file with $says", ({ text, says }) => {
    const file = join(lab.freshFolder("config"), "kvorum.toml");
    writeFileSync(file, text);
    const error = server(["--config", file]);
    expect(error).toContain(says);
    expect(error).toContain(file);
  });

  test("a directory that another node uses", async () => {
    const first = await KvorumServer.start(lab);
    const port = await freePort([0, 10_000]);
    const error = server(["--port", `${port}`, "--data", first.data]);
    expect(error).toContain(first.data);
    await first.stop();
  });

  test("a port that is taken", async () => {
    const first = await KvorumServer.start(lab);
    const args = ["--port", `${first.port}`, "--data", lab.freshFolder("node")];
    expect(server(args)).toContain("EADDRINUSE");
    await first.stop();
  });
});

test("flags go before the environment, that before the file", async () => {
  const file = join(lab.freshFolder("config"), "kvorum.toml");
  const first = await freePort([0, 10_000]);
  const second = await freePort([0, 10_000]);
  const third = await freePort([0, 10_000]);
  writeFileSync(file, `port = ${first}\nmaxmemory = "100mb"\nbind = ["127.0.0.1"]\n`);
  const cases = [
    { args: [], environment: {}, port: first },
    { args: [], environment: { KVORUM_PORT: `${second}` }, port: second },
    { args: ["--port", `${third}`], environment: { KVORUM_PORT: `${second}` }, port: third },
  ];
  for (const { args, environment, port } of cases) {
    const command = [kvorumPath, "server", "--config", file, "--data", lab.freshFolder("node")];
    const program = lab.start(process.execPath, [...command, ...args], environment);
    const ready = await program.seen(/ready on ([\d.]+):(\d+) /);
    expect(Number(ready[2])).toBe(port);
    await program.terminate();
  }
});

test("port 0 is any free one, and told as it is", async () => {
  const args = [kvorumPath, "server", "--port", "0", "--data", lab.freshFolder("node")];
  const program = lab.start(process.execPath, args);
  const port = Number((await program.seen(/ready on 127\.0\.0\.1:(\d+) /))[1]);
  const connection = await RespConnection.open(port);
  expect(await connection.ask("CLUSTER", "SLOTS")).toContain(`"127.0.0.1" :${port} `);
  connection.close();
  await program.terminate();
});

test("a node with another secret waits and says why; with the right one it joins", async () => {
  const first = await KvorumServer.start(lab, { flags: ["--cluster-secret", "right"] });
  const port = await freePort([0, 10_000]);
  const data = lab.freshFolder("node");
  const base = ["server", "--port", `${port}`, "--data", data];
  const args = [kvorumPath, ...base, "--join", `127.0.0.1:${first.peerPort}`];
  const wrong = lab.start(process.execPath, [...args, "--cluster-secret", "wrong"]);
  await wrong.seen(/it has another cluster secret/);
  expect((await wrong.terminate()).code).toBe(0);
  const right = lab.start(process.execPath, args, { KVORUM_CLUSTER_SECRET: "right" });
  await right.seen(/ready/);
  await right.terminate();
  await first.stop();
});

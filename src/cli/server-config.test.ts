// Settings together: ports that follow from others, addresses, what may be open to other machines.
import { describe, expect, test } from "vitest";
import { complete, help } from "./completion.ts";
import type { SettingValue } from "./config-file.ts";
import { neighbourPort, parseAddress, resolveServerConfig } from "./server-config.ts";

function resolve(values: Record<string, SettingValue>): ReturnType<typeof resolveServerConfig> {
  return resolveServerConfig(new Map(Object.entries(values)));
}

describe("ports", () => {
  test.each([
    { port: 6379, peer: 16_379, http: 8_379 },
    { port: 55_535, peer: 65_535, http: 57_535 },
    { port: 55_536, peer: 45_536, http: 57_536 },
    { port: 65_000, peer: 55_000, http: 63_000 },
    { port: 0, peer: 0, http: 0 },
  ])("$port: peers on $peer, HTTP on $http", ({ port, peer, http }) => {
    expect(neighbourPort(port, 10_000)).toBe(peer);
    expect(neighbourPort(port, 2_000)).toBe(http);
    expect(resolve({ port })).toMatchObject({ port, peerPort: peer, httpPort: http });
  });

  test("given ones are taken as they are", () => {
    expect(
      resolve({ port: 7000, "peer-port": 1, "http-port": 2, "cluster-port": 3 }),
    ).toMatchObject({
      peerPort: 1,
      httpPort: 2,
      clusterPort: 3,
    });
  });
});

describe("addresses", () => {
  test.each([
    { text: "10.0.0.1:17000", host: "10.0.0.1", port: 17_000 },
    { text: "kvorum.internal", host: "kvorum.internal", port: 16_379 },
    { text: "[::1]:17000", host: "::1", port: 17_000 },
    { text: "[fe80::1]", host: "fe80::1", port: 16_379 },
  ])("$text", ({ text, host, port }) => {
    expect(parseAddress(text, 16_379)).toEqual({ host, port });
  });

  test.each(["", ":1", "a:b", "a:1:2", "a:0", "a:70000", "[::1"])("refused: %j", (text) => {
    expect(() => parseAddress(text, 16_379)).toThrow("write HOST:PEERPORT");
  });
});

describe("open to other machines", () => {
  const safe = { requirepass: "p", "cluster-secret": "s" };

  test.each(["127.0.0.1", "127.1.2.3", "localhost", "::1"])("%s is this machine alone", (host) => {
    expect(resolve({ bind: [host] })).toMatchObject({ loopbackOnly: true, announce: host });
  });

  test.each(["10.0.0.1", "example.org", "::"])("%s wants password and secret", (host) => {
    expect(() => resolve({ bind: [host], announce: "h" })).toThrow("openssl rand -hex 32");
    const config = resolve({ bind: [host], announce: "h", ...safe });
    expect(config).toMatchObject({ loopbackOnly: false, announce: "h" });
  });

  test("the address that others can reach is announced", () => {
    const config = resolve({ bind: ["127.0.0.1", "10.0.0.1"], ...safe });
    expect(config.announce).toBe("10.0.0.1");
  });
});

describe("completion", () => {
  test.each([
    { line: "expiret", found: ["expiretime "] },
    { line: "EXPIRET", found: ["EXPIRETIME "] },
    { line: "client li", found: ["list "] },
    { line: "set key value KEEP", found: ["KEEPTTL "] },
    { line: "help mset", found: ["mset ", "msetnx "] },
    { line: "nosuch x", found: [] },
  ])("$line", ({ line, found }) => {
    expect(complete(line)[0]).toEqual(found);
  });

  test("help knows commands, groups, and what it does not know", () => {
    expect(help(["get"])).toContain("GET key");
    expect(help(["@string"])).toContain("SETRANGE");
    expect(help(["client", "list"])).toContain("CLIENT LIST");
    expect(help(["nosuch"])).toContain('no command "nosuch"');
    expect(help([])).toContain("@string");
  });
});

// Reading /proc: recorded lines, and this very process.
import { mkdtempSync, openSync, closeSync, rmSync, constants, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  cpuSeconds,
  filesOpenedSynced,
  isOpenedSynced,
  livingTree,
  parseStat,
  residentBytes,
  statusBytes,
  treeOf,
} from "./proc.ts";

const line = (name: string): string =>
  `4711 ${name} S 42 4711 1 0 -1 4194560 900 0 0 0 250 125 30 5 20 0 11 0 123456 1000000 5000 0`;

describe("parseStat", () => {
  test.each(["(redis-server)", "(node (vitest 1))", "(a) S 1 1 1)"])("reads past %s", (name) => {
    const expected = { pid: 4711, parentPid: 42, ticks: 375, endedChildTicks: 35 };
    expect(parseStat(line(name))).toEqual(expected);
  });

  test.each(["", "4711", "no (process) S", "1 (short) S 2 3"])("refuses %j", (text) => {
    expect(() => parseStat(text)).toThrow(RangeError);
  });
});

test("treeOf finds children of children whatever the order, and nobody else's", () => {
  const stat = (pid: number, parentPid: number) => ({
    pid,
    parentPid,
    ticks: 0,
    endedChildTicks: 0,
  });
  const all = [stat(9, 8), stat(8, 7), stat(7, 1), stat(6, 1), stat(5, 6)];
  expect(treeOf(all, [7]).map(({ pid }) => pid)).toEqual([9, 8, 7]);
  expect(treeOf(all, [5, 9]).map(({ pid }) => pid)).toEqual([9, 5]);
  expect(treeOf(all, [1000])).toEqual([]);
});

test("statusBytes reads kilobytes and takes an absent line for 0", () => {
  const text = "Name:\tnode\nVmPeak:\t  900 kB\nVmRSS:\t  1234 kB\n";
  expect(statusBytes(text, "VmRSS")).toBe(1234 * 1024);
  expect(statusBytes(text, "VmSwap")).toBe(0);
});

describe("isOpenedSynced", () => {
  test.each([
    { name: "read-write, O_DSYNC", flags: "02110002", is: true },
    { name: "O_SYNC includes O_DSYNC", flags: "04110002", is: true },
    { name: "read-write", flags: "02100002", is: false },
    { name: "appending", flags: "02102001", is: false },
  ])("$name", ({ flags, is }) => {
    expect(isOpenedSynced(`pos:\t0\nflags:\t${flags}\nmnt_id:\t29\n`)).toBe(is);
  });
});

describe("of this process", () => {
  test("the tree holds it, its CPU time grows with work, it takes memory", () => {
    const roots = [process.pid];
    const before = cpuSeconds(roots);
    const spun = process.cpuUsage();
    while (process.cpuUsage(spun).user < 60_000);
    expect(cpuSeconds(roots) - before).toBeGreaterThanOrEqual(0.04);
    expect(livingTree(roots)).toContain(process.pid);
    expect(residentBytes(roots)).toBeGreaterThan(10e6);
  });

  test("a file opened with O_DSYNC is found, a plain one is not", () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "kvorum-proc-test-")));
    const { O_CREAT, O_RDWR, O_DSYNC } = constants;
    const synced = openSync(join(folder, "synced"), O_CREAT | O_RDWR | O_DSYNC);
    const plain = openSync(join(folder, "plain"), O_CREAT | O_RDWR);
    try {
      expect(filesOpenedSynced([process.pid], folder)).toEqual([join(folder, "synced")]);
    } finally {
      closeSync(synced);
      closeSync(plain);
      rmSync(folder, { recursive: true });
    }
  });
});

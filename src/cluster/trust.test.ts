// When a log may be trusted, and the bytes of the note that says so.
import { describe, expect, test } from "vitest";
import { nodeRandom } from "../platform/node/node-random.ts";
import { SimWorld } from "../platform/simulated/sim-world.ts";
import { EMPTY_CONF } from "../raft/conf-change.ts";
import { resolveRaftConfig } from "../raft/raft-config.ts";
import { RaftCore } from "../raft/raft-core.ts";
import type { WalReport } from "../wal/wal-types.ts";
import { defaultNodeOptions, type NodeEnvironment, type NodeOptions } from "./node-environment.ts";
import { decodeRun, encodeRun, mayTrust, readLastRun, type Run, RUN_FILE, Trust } from "./trust.ts";

const CLEAN: WalReport = {
  created: false,
  cleanShutdown: true,
  relaxed: true,
  segments: 1,
  frames: 9,
  lastSequence: 9,
  cut: null,
};
const CRASHED: WalReport = { ...CLEAN, cleanShutdown: false };
const NEW: WalReport = { ...CLEAN, created: true, relaxed: false };
const EVERYSEC: Run = { bootId: "a", sync: "everysec", trusted: true };
const NO: Run = { ...EVERYSEC, sync: "no" };
const ALWAYS: Run = { bootId: "", sync: "always", trusted: true };

describe("a log that a node starts with", () => {
  test.each([
    { name: "new node", last: null, report: NEW, trust: true },
    {
      name: "no note, every frame synced",
      last: null,
      report: { ...CRASHED, relaxed: false },
      trust: true,
    },
    { name: "no note, relaxed, crashed", last: null, report: CRASHED, trust: false },
    { name: "no note, relaxed, closed in order", last: null, report: CLEAN, trust: true },
    { name: "a damaged note", last: "damaged", report: CLEAN, trust: false },
    { name: "always, crashed", last: ALWAYS, report: CRASHED, trust: true },
    { name: "everysec, process killed", last: EVERYSEC, report: CRASHED, trust: true },
    { name: "everysec, machine down", last: EVERYSEC, report: CRASHED, boot: "b", trust: false },
    { name: "everysec, closed, then down", last: EVERYSEC, report: CLEAN, boot: "b", trust: true },
    {
      name: "everysec, start unknown",
      last: { ...EVERYSEC, bootId: "" },
      report: CRASHED,
      boot: "",
      trust: false,
    },
    { name: "no, process killed", last: NO, report: CRASHED, trust: false },
    { name: "no, closed in order", last: NO, report: CLEAN, trust: true },
    {
      name: "in doubt before, closed",
      last: { ...NO, trusted: false },
      report: CLEAN,
      trust: false,
    },
  ] as const)("is trusted or not: $name", ({ last, report, trust, ...rest }) => {
    expect(mayTrust(last, "boot" in rest ? rest.boot : "a", report)).toBe(trust);
  });
});

describe("the note of a run", () => {
  test("has these bytes", () => {
    expect(Buffer.from(encodeRun(EVERYSEC)).toString()).toBe(
      '{\n  "format": 1,\n  "checksum": 1836934645,\n  "run": {\n    "bootId": "a",\n' +
        '    "sync": "everysec",\n    "trusted": true\n  }\n}\n',
    );
    expect(decodeRun(encodeRun(EVERYSEC))).toEqual(EVERYSEC);
  });

  test.each(["", "{}", "null", '{"format":2,"checksum":0,"run":{}}'])(
    "is damaged when it reads %j",
    (text) => {
      expect(decodeRun(Buffer.from(text))).toBe("damaged");
    },
  );

  test("is damaged when a letter of it is another", () => {
    const text = Buffer.from(encodeRun({ ...NO, trusted: false })).toString();
    expect(decodeRun(Buffer.from(text.replace('"no"', '"on"')))).toBe("damaged");
  });
});

describe("trust", () => {
  class Machine {
    readonly world = new SimWorld(1);
    readonly said: string[] = [];

    async open(given: Partial<NodeOptions>, report: WalReport): Promise<Trust> {
      const host = this.world.host("a");
      const { clock, scheduler, disk } = host.process ?? host.start();
      const environment: NodeEnvironment = {
        clock,
        scheduler,
        disk,
        random: nodeRandom,
        bootId: host.bootId,
        report: (_level, message) => this.said.push(message),
        onFatal: () => {},
      };
      const options = { ...defaultNodeOptions, directory: "/data", ...given };
      await this.world.settle(disk.makeDirectory("/data"));
      const last = await this.world.settle(readLastRun(environment, options));
      return this.world.settle(Trust.open(environment, options, last, report));
    }

    get note(): Run | "damaged" {
      return decodeRun(this.world.host("a").storage.contents(`/data/${RUN_FILE}`));
    }
  }

  function loneVoter(): RaftCore {
    const initial = {
      hardState: { term: 0, vote: 0, commit: 0 },
      conf: { ...EMPTY_CONF, voters: [1] },
      entries: [],
      snapshotIndex: 0,
      snapshotTerm: 0,
      appliedIndex: 0,
    };
    return new RaftCore(resolveRaftConfig({ id: 1 }), initial, () => 7);
  }

  test("is noted before the node serves, and regained on disk", async () => {
    const machine = new Machine();
    await machine.open({ sync: "no" }, NEW);
    const trust = await machine.open({ sync: "everysec" }, CRASHED);
    expect(trust.trusted).toBe(false);
    expect(machine.note).toMatchObject({ sync: "everysec", trusted: false });
    const raft = loneVoter();
    raft.distrust();
    trust.watch(raft, () => true);
    expect(trust.trusted).toBe(false);
    raft.campaign();
    raft.persisted(raft.ready().write);
    trust.watch(raft, () => true);
    await machine.world.advance(100);
    expect(machine.note).toMatchObject({ trusted: true });
    expect(machine.said).toHaveLength(2);
  });

  test("is given by order", async () => {
    const machine = new Machine();
    await machine.open({ sync: "no" }, NEW);
    const trust = await machine.open({ sync: "no", acceptLoss: true }, CRASHED);
    expect([trust.trusted, machine.said.length]).toEqual([true, 1]);
  });

  test("costs no write at a start with every frame synced, whatever the machine did", async () => {
    const machine = new Machine();
    await machine.open({}, NEW);
    machine.world.host("a").powerCut();
    machine.world.host("a").storage.failNext("write", "ENOSPC");
    const trust = await machine.open({}, { ...CRASHED, relaxed: false });
    expect(trust.trusted).toBe(true);
  });
});

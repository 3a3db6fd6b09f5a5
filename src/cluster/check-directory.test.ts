// `kvorum check`: silent about a sound directory, however its node ended; precise about damage.
import { describe, expect, test } from "vitest";
import type { Disk } from "../platform/disk.ts";
import { type CheckReport, checkDirectory } from "./check-directory.ts";
import { newIdentity, saveIdentity } from "./identity.ts";
import { SimCluster } from "./testing/sim-cluster.ts";

/** A node that has written, saved a snapshot, written more, and was killed. */
async function killedNode(): Promise<SimCluster> {
  const cluster = new SimCluster(7);
  await cluster.form(1, 1);
  for (let i = 0; i < 20; i++) await cluster.run(1, "set", `key:${i}`, "value".repeat(20));
  const saved = cluster.machine(1).node!.node.saveSnapshot();
  await cluster.world.settle(saved);
  for (let i = 20; i < 40; i++) await cluster.run(1, "set", `key:${i}`, "value".repeat(20));
  cluster.kill(1);
  return cluster;
}

async function check(cluster: SimCluster): Promise<CheckReport> {
  const { disk, scheduler } = cluster.world.host("n1").start();
  return cluster.world.settle(checkDirectory(disk, scheduler, "/data"));
}

async function fileIn(cluster: SimCluster, directory: string): Promise<string> {
  const host = cluster.world.host("n1");
  const names = await cluster.world.settle(host.start().disk.list(directory));
  host.kill();
  return `${directory}/${names[0]!}`;
}

async function removeAll(disk: Disk, gone: readonly string[]): Promise<void> {
  for (const name of gone) {
    if (name !== "log") await disk.remove(name);
    else for (const file of await disk.list("/data/log")) await disk.remove(`/data/log/${file}`);
  }
}

describe("checkDirectory", () => {
  test("finds nothing wrong after a kill, and counts what is there", async () => {
    const report = await check(await killedNode());
    expect(report.findings).toEqual([]);
    expect(report.snapshots).toMatchObject([{ keys: 20 }]);
    expect(report.log.operations).toBeGreaterThanOrEqual(20);
    expect(report.identity?.nodeId).toBe(1);
  });

  test.each([
    { what: "a snapshot", directory: "/data/snapshots/shard-1", at: 700, code: "SNAPSHOT_CORRUPT" },
    { what: "a frame of the log", directory: "/data/log", at: 1600, code: "WAL_CORRUPT" },
  ])("names the file and the place of a flipped bit in $what", async ({ directory, at, code }) => {
    const cluster = await killedNode();
    const path = await fileIn(cluster, directory);
    cluster.world.host("n1").storage.flipBit(path, at);
    const { findings } = await check(cluster);
    const finding = findings.find((each) => each.code === code);
    expect(finding?.message).toContain(path);
    expect(finding?.message).toMatch(/offset \d+/);
  });

  test.each([{ left: "all but the log" }, { left: "snapshots alone" }])(
    "says that the log is gone: $left",
    async ({ left }) => {
      const cluster = await killedNode();
      const { disk } = cluster.world.host("n1").start();
      const gone = left === "snapshots alone" ? ["log", "/data/run.json"] : ["log"];
      await cluster.world.settle(removeAll(disk, gone));
      cluster.world.host("n1").kill();
      const { findings } = await check(cluster);
      expect(findings.map(({ code }) => code)).toContain("LOG_LOST");
    },
  );

  test("finds nothing wrong with a node that never ran", async () => {
    const cluster = new SimCluster(9);
    const { disk, random } = cluster.world.host("n1").start();
    await cluster.world.settle(disk.makeDirectory("/data"));
    await cluster.world.settle(saveIdentity(disk, "/data", newIdentity(random)));
    cluster.world.host("n1").kill();
    expect((await check(cluster)).findings).toEqual([]);
  });

  test("says that a directory never was a node's", async () => {
    const cluster = new SimCluster(8);
    const { disk, scheduler } = cluster.world.host("n1").start();
    await expect(cluster.world.settle(checkDirectory(disk, scheduler, "/nowhere"))).rejects.toThrow(
      "is empty or does not exist",
    );
  });
});

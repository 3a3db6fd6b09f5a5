// A disk that is full: writes are refused in words, reads go on, nothing acknowledged is lost, and
// writes resume by themselves when there is room. Anchors, section 6, item 21. Needs the right to
// mount a small file system.
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import { MIB } from "./arena.ts";

const DISK_MIB = 260;
/** Gives room for a snapshot or a segment when it goes, not for both. */
const BALLAST_MIB = 90;
const VALUE = Buffer.alloc(MIB, "v");

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** Mounting needs root, and is not allowed in every container. */
function canMount(): boolean {
  const lab = new Lab();
  const folder = lab.freshFolder("mount");
  const mounted = run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
  if (mounted) run("umount", folder);
  else process.stderr.write("\nSKIPPED: a full disk (no right to mount a small one)\n");
  void lab.close();
  return mounted;
}

describe.skipIf(!canMount())("a full disk", () => {
  let lab: Lab;
  let disk: string;

  beforeAll(() => {
    lab = new Lab();
    disk = lab.freshFolder("disk");
    const isMounted = run("mount", "-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", disk);
    if (!isMounted) throw new Error(`cannot mount ${disk}`);
  });

  afterAll(async () => {
    const folder = disk;
    run("umount", "-l", folder);
    await lab.close();
  });

  test("refuses writes, serves reads, loses nothing, resumes", { timeout: 120_000 }, async () => {
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, Buffer.alloc(BALLAST_MIB * MIB));
    const server = await KvorumServer.start(lab, { data: join(disk, "data") });
    let acknowledged = 0;
    let refusal = "";
    await server.with(async (connection) => {
      while (refusal === "" && acknowledged < DISK_MIB) {
        const reply = await connection.call("SET", `key:${acknowledged}`, VALUE);
        if (reply.kind === "error") refusal = show(reply);
        else acknowledged++;
      }
      expect(refusal).toMatch(/^-\w+ .*disk/i);
      for (let key = 0; key < acknowledged; key++) {
        expect(await connection.ask("STRLEN", `key:${key}`)).toBe(`:${VALUE.length}`);
      }
      expect(await connection.ask("INCR", "small")).toBe(refusal);
      rmSync(ballast);
      await untilOk(() => connection.ask("SET", "again", "1"));
    });
    expect(server.program.ending).toBeNull();
    await server.kill();
    await server.restart();
    await server.with(async (connection) => {
      for (let key = 0; key < acknowledged; key++) {
        expect(await connection.ask("STRLEN", `key:${key}`)).toBe(`:${VALUE.length}`);
      }
      expect(await connection.ask("GET", "again")).toBe('"1"');
    });
    await server.kill();
  });
});

async function untilOk(write: () => Promise<string>): Promise<void> {
  const deadlineMs = Date.now() + 20_000;
  for (;;) {
    const reply = await write();
    if (reply === "+OK") return;
    if (Date.now() > deadlineMs) throw new Error(`writes do not resume: ${reply}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

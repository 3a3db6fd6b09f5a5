// Far more log than data: segments behind snapshots are used again, so the disk does not fill up,
// and a start needs no more than the newest snapshot and the log behind it.
import { randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import type { Argument, RespConnection } from "../support/resp-connection.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { sameData } from "./same-data.ts";

const MEBIBYTE = 1024 * 1024;
const WRITTEN_BYTES = 416 * MEBIBYTE;
const VALUE_BYTES = 256 * 1024;
const KEYS = 40;
const PIPELINE = 8;
/**
 * Segments of 64 MiB: two under the newest snapshot, one in use, one ready, one spare; and
 * snapshots.
 */
const DISK_BYTES_MAX = 320 * MEBIBYTE + 4 * KEYS * VALUE_BYTES;
const START_MS_MAX = 8_000;

describe("a log that is much longer than the data", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test("stays within bounds on disk, and starts again", { timeout: 180_000 }, async () => {
    const leader = await cluster.leader();
    const values = new Map<string, Buffer>();
    let most = 0;
    await cluster.nodes[leader]!.with(async (connection) => {
      for (let written = 0; written < WRITTEN_BYTES; written += PIPELINE * VALUE_BYTES) {
        await overwrite(connection, written / VALUE_BYTES, values);
        most = Math.max(most, ...cluster.nodes.map(({ data }) => bytesIn(data)));
      }
    });
    expect(most, "bytes on disk").toBeLessThan(DISK_BYTES_MAX);
    await Promise.all(cluster.others().map((place) => cluster.kill(place)));
    const startedMs = performance.now();
    await Promise.all(cluster.others().map((place) => cluster.startNode(place)));
    expect(performance.now() - startedMs, "ms until ready").toBeLessThan(START_MS_MAX);
    const get = await cluster.reader(0);
    for (const [key, value] of values) {
      const text = await get(key);
      expect(text === value.toString("latin1"), `value of ${key}`).toBe(true);
    }
    await sameData(cluster);
  });
});

/** Writes some of the keys, from the `number`th on, with new values. */
async function overwrite(
  connection: RespConnection,
  number: number,
  values: Map<string, Buffer>,
): Promise<void> {
  const commands = Array.from({ length: PIPELINE }, (_, at): Argument[] => {
    const key = `key:${(number + at) % KEYS}`;
    const value = randomBytes(VALUE_BYTES);
    values.set(key, value);
    return ["SET", key, value];
  });
  for (const reply of await connection.pipeline(commands)) expect(reply.kind).toBe("simple");
}

/** Bytes of all files below a folder, as the disk holds them. */
function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const info = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    bytes += (info?.blocks ?? 0) * 512;
  }
  return bytes;
}

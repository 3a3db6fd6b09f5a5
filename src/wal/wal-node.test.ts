// The log on the real disk of this machine.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { nodeClock } from "../platform/node/node-clock.ts";
import { NodeDisk } from "../platform/node/node-disk.ts";
import { nodeRandom } from "../platform/node/node-random.ts";
import { nodeScheduler } from "../platform/node/node-scheduler.ts";
import { patternBytes, RecordingListener, ToldLog } from "./testing/sim-log.ts";
import { Wal } from "./wal.ts";
import type { WalSync } from "./wal-types.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "kvorum-wal-"));
afterAll(() => fs.rmSync(root, { recursive: true }));
const environment = {
  disk: new NodeDisk(),
  clock: nodeClock,
  scheduler: nodeScheduler,
  random: nodeRandom,
};

describe.each<{ sync: WalSync }>([{ sync: "always" }, { sync: "everysec" }, { sync: "no" }])(
  "sync $sync on the real disk",
  ({ sync }) => {
    test("over many segments, closed and opened again", async () => {
      const directory = path.join(root, sync);
      const options = { sync, segmentBytes: 64 * 1024 };
      const events = new RecordingListener();
      const first = await Wal.open(environment, directory, options, new ToldLog());
      expect(first.report.created).toBe(true);
      const { wal } = first;
      const count = 300;
      const finished = new Promise<void>((resolve) => {
        let index = 0;
        events.whenDurable = () => {
          if (index === count) resolve();
          else {
            index++;
            wal.appendEntry(1, 1, index, 0, patternBytes(1_500, index));
            wal.appendHardState(1, 1, 1, index - 1);
            wal.flush();
          }
        };
      });
      wal.start(events);
      events.onDurable(0);
      await finished;
      expect(wal.segmentCount).toBeGreaterThan(5);
      await wal.close();

      const told = new ToldLog();
      const again = await Wal.open(environment, directory, options, told);
      expect(again.report).toMatchObject({ cleanShutdown: true, cut: null });
      expect(told.shard(1).entries.size).toBe(count);
      expect(told.shard(1).entries.get(200)?.bytes.equals(patternBytes(1_500, 200))).toBe(true);
      expect(told.shard(1).hardState).toEqual([1, 1, count - 1]);
      again.wal.setFloor(1, count);
      await again.wal.close();
      expect(fs.statSync(path.join(directory, fs.readdirSync(directory)[0]!)).mode & 0o777).toBe(
        0o600,
      );
    });
  },
);

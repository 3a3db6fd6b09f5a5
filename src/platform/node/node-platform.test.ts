// The real machine against the promises of the platform interfaces.
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { describeDisk } from "../simulated/disk-conformance.ts";
import {
  connectPair,
  describeNetwork,
  RecordingHandler,
} from "../simulated/network-conformance.ts";
import { nodeClock } from "./node-clock.ts";
import { NodeDisk } from "./node-disk.ts";
import { NodeNetwork } from "./node-network.ts";
import { nodeRandom } from "./node-random.ts";
import { nodeScheduler } from "./node-scheduler.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "kvorum-platform-"));
let directories = 0;
afterAll(() => fs.rmSync(root, { recursive: true }));

const settle = <T>(promise: Promise<T>): Promise<T> => promise;

function freshDirectory(): string {
  const directory = path.join(root, String(directories++));
  fs.mkdirSync(directory);
  return directory;
}

describeDisk("NodeDisk", async () => ({
  disk: new NodeDisk(),
  directory: freshDirectory(),
  settle,
}));

describe.each([{ readMode: "shared" as const }, { readMode: "events" as const }])(
  "reading by $readMode",
  ({ readMode }) => {
    describeNetwork("NodeNetwork", async () => ({
      server: new NodeNetwork({ readMode }),
      client: new NodeNetwork({ readMode }),
      host: "127.0.0.1",
      settle,
    }));

    test("connections are counted until they are closed", async () => {
      const network = new NodeNetwork({ readMode });
      const under = { server: network, client: network, host: "127.0.0.1", settle };
      const pair = await connectPair(under);
      expect(network.openConnections).toBe(2);
      pair.near.destroy();
      await pair.farEvents.until((it) => it.closes.length === 1);
      await pair.nearEvents.until((it) => it.closes.length === 1);
      expect(network.openConnections).toBe(0);
      await pair.stop();
    });

    test("a reset by the peer is told as an error, once", async () => {
      const network = new NodeNetwork({ readMode });
      const events = new RecordingHandler();
      const listener = await network.listen("127.0.0.1", 0, () => events);
      const socket = net.connect(listener.port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("x");
      await events.until((it) => it.received.length === 1);
      socket.resetAndDestroy();
      await events.until((it) => it.closes.length === 1);
      expect(events.closes[0]).toMatchObject({ code: "ECONNRESET" });
      expect(network.openConnections).toBe(0);
      await listener.close();
    });

    test("our last words reach a peer that is still sending", async () => {
      const network = new NodeNetwork({ readMode });
      const listener = await network.listen("127.0.0.1", 0, (connection) => {
        const events = new RecordingHandler();
        const answer = async (): Promise<void> => {
          await events.until((it) => it.received.length > 0);
          connection.write(Buffer.from("-ERR bad input\r\n"));
          connection.end();
        };
        void answer();
        return events;
      });
      const socket = net.connect(listener.port, "127.0.0.1");
      let heard = "";
      socket.on("data", (bytes) => {
        heard += bytes.toString();
      });
      for (let at = 0; at < 64; at++) socket.write(Buffer.alloc(16 * 1024));
      await once(socket, "close");
      expect(heard).toBe("-ERR bad input\r\n");
      await listener.close();
    });
  },
);

describe("NodeDisk on the real file system", () => {
  test("keeps others out of directories and files", async () => {
    const disk = new NodeDisk();
    const directory = path.join(freshDirectory(), "inner");
    await disk.makeDirectory(directory);
    const file = await disk.open(path.join(directory, "a"), { mode: "create" });
    await file.close();
    expect(fs.statSync(directory).mode & 0o777).toBe(0o700);
    expect(fs.statSync(file.path).mode & 0o777).toBe(0o600);
  });

  test("a lock outlives neither kill -9 nor a socket file left behind", async () => {
    const disk = new NodeDisk();
    const directory = freshDirectory();
    const lockModule = new URL("./node-lock.ts", import.meta.url).pathname;
    const script = `
      const { lockDirectory } = await import(${JSON.stringify(lockModule)});
      await lockDirectory(${JSON.stringify(directory)});
      setInterval(() => {}, 1000);
      console.log("held");`;
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", script],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    await once(child.stdout, "data");
    await expect(disk.lock(directory)).rejects.toMatchObject({ code: "EBUSY" });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(fs.readdirSync(directory)).toEqual(["LOCK"]);
    const lock = await disk.lock(directory);
    await lock.release();
  });

  test("two paths to one directory are one lock", async () => {
    const disk = new NodeDisk();
    const directory = freshDirectory();
    const alias = `${directory}-alias`;
    fs.symlinkSync(directory, alias);
    const lock = await disk.lock(directory);
    await expect(disk.lock(alias)).rejects.toMatchObject({ code: "EBUSY" });
    await lock.release();
  });
});

describe("clock, timers and chance of the machine", () => {
  test("monotonic time goes on and wall time is now", () => {
    const before = nodeClock.monotonicMs();
    expect(nodeClock.monotonicMs()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(nodeClock.wallMs() - Date.now())).toBeLessThan(1_000);
  });

  test("a timer fires once, a cancelled one never, soon comes before", async () => {
    const order: string[] = [];
    nodeScheduler.after(1, () => order.push("cancelled")).cancel();
    await new Promise<void>((resolve) => {
      nodeScheduler.after(5, () => {
        order.push("after");
        resolve();
      });
      nodeScheduler.soon(() => order.push("soon"));
    });
    expect(order).toEqual(["soon", "after"]);
  });

  test("random numbers fill their range and differ", () => {
    const seen = new Set<number>();
    for (let at = 0; at < 3_000; at++) seen.add(nodeRandom.uint32());
    expect(seen.size).toBeGreaterThan(2_990);
    const bytes = new Uint8Array(64);
    // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- no array's fill
    nodeRandom.fill(bytes);
    expect(new Set(bytes).size).toBeGreaterThan(16);
  });
});

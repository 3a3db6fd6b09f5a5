// How a server that ends lets go of its clients.
import { beforeEach, describe, expect, test } from "vitest";
import { drain } from "./drain.ts";
import { ServerTester, type TestClient } from "./testing/server-tester.ts";

let tester: ServerTester;
let client: TestClient;

beforeEach(async () => {
  tester = await ServerTester.start();
  client = tester.connect();
});

describe("drain", () => {
  test("waits for what is under way, takes nothing new", async () => {
    client.command("SET", "foo", "1");
    let drained = false;
    const draining = drain(tester.server, 1_000).then(() => (drained = true));
    await Promise.resolve();
    client.command("SET", "foo", "2");
    expect(tester.backend.open.length).toBe(1);
    tester.backend.open[0]!.fail("ERR told");
    await tester.world.settle(draining);
    expect(drained).toBe(true);
    tester.settle();
    expect(client.replies()).toBe("-ERR told");
  });

  test("waits no longer than it may", async () => {
    client.command("SET", "foo", "1");
    const startedMs = tester.world.nowMs;
    await tester.world.settle(drain(tester.server, 1_000));
    expect(tester.world.nowMs - startedMs).toBeLessThan(1_100);
  });
});

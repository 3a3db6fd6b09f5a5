// What every Network must do, written once and run on each implementation. Tests only.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { invariant } from "../../base/invariant.ts";
import type { Connection, ConnectionHandler, Network } from "../network.ts";

/** One implementation, made afresh for a test. */
export interface NetworkUnderTest {
  readonly server: Network;
  readonly client: Network;
  /** Where `client` finds what `server` listens on. */
  readonly host: string;
  /** Waits for a promise, running the world where time is simulated. */
  readonly settle: <T>(promise: Promise<T>) => Promise<T>;
}

/** A handler that keeps all it is told, and lets tests wait for it. */
export class RecordingHandler implements ConnectionHandler {
  received: Buffer = Buffer.alloc(0);
  drains = 0;
  closes: (Error | null)[] = [];
  readonly #waiting: (() => void)[] = [];

  onData(bytes: Uint8Array, view: DataView, length: number): void {
    const same = view.buffer === bytes.buffer && view.byteOffset === bytes.byteOffset;
    invariant(same, "view and bytes begin at the same place");
    this.received = Buffer.concat([this.received, bytes.subarray(0, length)]);
    this.#tell();
  }

  onDrain(): void {
    this.drains++;
    this.#tell();
  }

  onClose(error: Error | null): void {
    this.closes.push(error);
    this.#tell();
  }

  /** Resolves when `isSo()`, looked at after every event. */
  until(isSo: (handler: RecordingHandler) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (isSo(this)) resolve();
        else this.#waiting.push(look);
      };
      look();
    });
  }

  #tell(): void {
    for (const look of this.#waiting.splice(0)) look();
  }
}

interface Pair {
  readonly near: Connection;
  readonly far: Connection;
  readonly nearEvents: RecordingHandler;
  readonly farEvents: RecordingHandler;
  stop(): Promise<void>;
}

/** The promises of `Network` as tests. */
export function describeNetwork(name: string, make: () => Promise<NetworkUnderTest>): void {
  describe(`${name} as a Network`, () => {
    describeBytes(make);
    describeClosing(make);
    describeListening(make);
  });
}

function describeBytes(make: () => Promise<NetworkUnderTest>): void {
  test("bytes arrive both ways, whole and in order", async () => {
    const under = await make();
    const pair = await connectPair(under);
    for (let at = 0; at < 100; at++) pair.near.write(Buffer.from(`to ${at};`));
    pair.far.write(Buffer.from("from"));
    const wanted = Array.from({ length: 100 }, (_, at) => `to ${at};`).join("");
    await under.settle(pair.farEvents.until((it) => it.received.length >= wanted.length));
    await under.settle(pair.nearEvents.until((it) => it.received.length >= 4));
    expect(pair.farEvents.received.toString()).toBe(wanted);
    expect(pair.nearEvents.received.toString()).toBe("from");
    await pair.stop();
  });

  test("many megabytes pass, with false and drain on the way", async () => {
    const under = await make();
    const pair = await connectPair(under);
    const block = Buffer.alloc(1 << 20);
    for (let at = 0; at < block.length; at++) block[at] = at * 7;
    pair.far.pause();
    let refused = 0;
    for (let at = 0; at < 16; at++) if (!pair.near.write(block)) refused++;
    expect(refused).toBeGreaterThan(0);
    expect(pair.near.bufferedBytes).toBeGreaterThan(0);
    pair.far.resume();
    await under.settle(pair.farEvents.until((it) => it.received.length >= 16 * block.length));
    await under.settle(pair.nearEvents.until((it) => it.drains > 0));
    expect(pair.near.bufferedBytes).toBe(0);
    for (let at = 0; at < 16; at++) {
      const part = pair.farEvents.received.subarray(at * block.length, (at + 1) * block.length);
      expect(part.equals(block)).toBe(true);
    }
    await pair.stop();
  });

  test("a paused connection hands out nothing new until it goes on", async () => {
    const under = await make();
    const pair = await connectPair(under);
    pair.far.pause();
    pair.near.write(Buffer.from("a"));
    // An echo on a second stream shows that time has passed.
    const other = await connectPair(under);
    other.near.write(Buffer.from("b"));
    await under.settle(other.farEvents.until((it) => it.received.length === 1));
    expect(pair.farEvents.received.length).toBe(0);
    pair.far.resume();
    await under.settle(pair.farEvents.until((it) => it.received.length === 1));
    await other.stop();
    await pair.stop();
  });

  test("both sides name each other's address", async () => {
    const under = await make();
    const pair = await connectPair(under);
    expect(pair.near.remote).toBe(pair.far.local);
    expect(pair.far.remote).toBe(pair.near.local);
    expect(pair.near.remote).toMatch(/^[^:]+:\d+$/);
    await pair.stop();
  });
}

function describeClosing(make: () => Promise<NetworkUnderTest>): void {
  test("end sends what is buffered, then both sides close once without error", async () => {
    const under = await make();
    const pair = await connectPair(under);
    pair.near.write(Buffer.alloc(3 << 20, 1));
    pair.near.end();
    pair.near.end();
    await under.settle(pair.farEvents.until((it) => it.closes.length > 0));
    await under.settle(pair.nearEvents.until((it) => it.closes.length > 0));
    expect(pair.farEvents.received.length).toBe(3 << 20);
    expect(pair.farEvents.closes).toEqual([null]);
    expect(pair.nearEvents.closes).toEqual([null]);
    await pair.stop();
  });

  test("destroy closes both sides, each exactly once", async () => {
    const under = await make();
    const pair = await connectPair(under);
    pair.near.destroy();
    pair.near.destroy();
    await under.settle(pair.farEvents.until((it) => it.closes.length > 0));
    await under.settle(pair.nearEvents.until((it) => it.closes.length > 0));
    expect(pair.nearEvents.closes).toEqual([null]);
    expect(pair.farEvents.closes).toHaveLength(1);
    // Late calls on a closed connection do nothing.
    expect(pair.near.write(Buffer.from("late"))).toBe(true);
    pair.near.pause();
    pair.near.resume();
    pair.near.end();
    await pair.stop();
  });

  test("a side that ends gets no more bytes", async () => {
    const under = await make();
    const pair = await connectPair(under);
    pair.near.end();
    pair.far.write(Buffer.from("too late"));
    await under.settle(pair.nearEvents.until((it) => it.closes.length > 0));
    expect(pair.nearEvents.received.length).toBe(0);
    await pair.stop();
  });
}

function describeListening(make: () => Promise<NetworkUnderTest>): void {
  test("connecting where nobody listens is refused", async () => {
    const under = await make();
    const listener = await under.settle(under.server.listen(under.host, 0, () => null));
    await under.settle(listener.close());
    const dial = under.client.connect(under.host, listener.port, 5_000, failIfAsked);
    await expect(under.settle(dial)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("a port has one listener", async () => {
    const under = await make();
    const listener = await under.settle(under.server.listen(under.host, 0, () => null));
    const second = under.settle(under.server.listen(under.host, listener.port, () => null));
    await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
    await under.settle(listener.close());
    const again = await under.settle(under.server.listen(under.host, listener.port, () => null));
    await under.settle(again.close());
  });

  test("a refused connection is closed", async () => {
    const under = await make();
    const listener = await under.settle(under.server.listen(under.host, 0, () => null));
    const events = new RecordingHandler();
    await under.settle(under.client.connect(under.host, listener.port, 5_000, () => events));
    await under.settle(events.until((it) => it.closes.length > 0));
    expect(events.closes).toHaveLength(1);
    await under.settle(listener.close());
  });

  test("open connections go on when the listener closes", async () => {
    const under = await make();
    const pair = await connectPair(under);
    await pair.stop();
    pair.near.write(Buffer.from("still"));
    await under.settle(pair.farEvents.until((it) => it.received.length === 5));
    pair.near.destroy();
    await under.settle(pair.farEvents.until((it) => it.closes.length === 1));
    expect(pair.farEvents.received.toString()).toBe("still");
  });
}

/** Listens, connects, and gives both ends. */
export async function connectPair(under: NetworkUnderTest): Promise<Pair> {
  const farEvents = new RecordingHandler();
  const nearEvents = new RecordingHandler();
  let accepted: (connection: Connection) => void = () => {};
  const farComing = new Promise<Connection>((resolve) => {
    accepted = resolve;
  });
  const listener = await under.settle(
    under.server.listen(under.host, 0, (connection) => {
      accepted(connection);
      return farEvents;
    }),
  );
  const dial = under.client.connect(under.host, listener.port, 5_000, () => nearEvents);
  const near = await under.settle(dial);
  const far = await under.settle(farComing);
  return { near, far, nearEvents, farEvents, stop: () => under.settle(listener.close()) };
}

function failIfAsked(): ConnectionHandler {
  throw new Error("nobody connects here");
}

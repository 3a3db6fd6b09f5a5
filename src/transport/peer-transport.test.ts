// Goal: peers hear each other, and nothing that anybody sends breaks anything. Each test runs on
// the simulated network and on the machine's own.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DbError } from "../base/errors.ts";
import { FrameType } from "./generated/messages.ts";
import type { CallRequest, MemberMessage } from "./handler.ts";
import type { LinkKind } from "./handshake-format.ts";
import { PIECE_BYTES } from "./limits.ts";
import type { Forward, SnapshotChunk } from "./peer-message.ts";
import { identity } from "./testing/handshakes.ts";
import {
  appendOf,
  introduce,
  NodeHarness,
  raftOf,
  SimHarness,
  startNode,
  startPair,
  type Harness,
} from "./testing/harness.ts";
import { RawPeer, rawFrame } from "./testing/raw-peer.ts";

const STATUS: CallRequest = { kind: "statusRequest", withShards: true };

describe.each<{ network: string; make: () => Harness }>([
  { network: "simulated", make: () => new SimHarness(7) },
  { network: "real", make: () => new NodeHarness() },
])("transport on the $network network", ({ make }) => {
  test("peers find each other and learn the other's incarnation", async () => {
    const harness = make();
    const [left, right] = await startPair(harness, { incarnation: 42 });
    expect(left.log).toEqual(["up 2#42"]);
    expect(right.log).toEqual(["up 1#42"]);
    expect(left.transport.isUp(2)).toBe(true);
    expect(left.transport.isUp(3)).toBe(false);
    expect(left.transport.sendRaft(3, 0, raftOf({ from: 1, to: 3 }))).toBe(false);
    await Promise.all([left.transport.close(), right.transport.close()]);
    expect(left.events).toEqual([]);
  });

  test("messages of all sizes arrive, those of one connection in order", async () => {
    const harness = make();
    const [left, right] = await startPair(harness);
    await harness.until(() => left.transport.isUp(2, "bulk"));
    const sizes = [0, 1, 7_000, 60_000, 70_000, PIECE_BYTES, 1_000_000, 5, 300_000, 9];
    const sent = sizes.map((size, index) => appendOf(1, 2, index, size));
    for (const message of sent) expect(left.transport.sendRaft(2, 77, message)).toBe(true);
    await harness.until(() => right.raft.length === sent.length);
    expect(right.raft.every((each) => each.from === 1 && each.shard === 77)).toBe(true);
    const arrived = right.raft.map((each) => each.message);
    const isLarge = (message: (typeof sent)[number]): boolean =>
      message.entries[0]!.data.length >= 64_000;
    for (const large of [false, true]) {
      const wanted = sent.filter((message) => isLarge(message) === large);
      const got = arrived.filter((message) => isLarge(message) === large);
      expect(got.map((message) => message.index)).toEqual(wanted.map((message) => message.index));
      for (const [at, message] of got.entries()) {
        expect(Buffer.compare(message.entries[0]!.data, wanted[at]!.entries[0]!.data)).toBe(0);
      }
    }
    await Promise.all([left.transport.close(), right.transport.close()]);
  });

  test("other messages arrive too: forwards, replies, chunks, heartbeats", async () => {
    const harness = make();
    const [left, right] = await startPair(harness);
    await harness.until(() => left.transport.isUp(2, "bulk"));
    const forward: Forward = {
      kind: "forward",
      request: 1,
      shard: 2,
      session: 3,
      sequence: 4,
      acknowledged: 3,
      protocol: 3,
      database: 15,
      hops: 1,
      operation: new Uint8Array(100_000).fill(1),
    };
    const heartbeat = {
      kind: "nodeHeartbeat",
      nodeId: 1,
      incarnation: 1,
      wallMs: 1_735_689_600_000,
      memoryPressurePermille: 900,
      address: { host: "n1", peerPort: 1, clientPort: 2, clusterPort: 0, httpPort: 3 },
      release: "0.1.0",
    } as const;
    const sent = [
      { ...forward, operation: Uint8Array.of(1, 2, 3) },
      { kind: "forwardReply", request: 1, outcome: 0, leader: 1, reply: Uint8Array.of(43) },
      heartbeat,
      forward,
      chunk(1, 100),
      chunk(2, PIECE_BYTES),
    ] as const;
    for (const message of sent) expect(left.transport.send(2, message)).toBe(true);
    await harness.until(() => right.messages.length === sent.length);
    const digest = (message: MemberMessage): string =>
      JSON.stringify(message, (_, value: unknown) =>
        value instanceof Uint8Array ? `${value.length} of ${value[0]}` : value,
      );
    expect(right.messages.map((each) => digest(each.message)).sort()).toEqual(
      sent.map(digest).sort(),
    );
    await Promise.all([left.transport.close(), right.transport.close()]);
  });

  test("a call needs no membership on either side", async () => {
    const harness = make();
    const nobody = { clusterId: "", nodeId: 0 };
    const asker = await startNode(harness, 1, nobody);
    const stranger = await startNode(harness, 2, nobody);
    const member = await startNode(harness, 3);
    for (const asked of [stranger, member]) {
      asked.answer = (request) => ({
        kind: "bootstrapReply",
        outcome: 0,
        bootstrapId: request.kind,
        candidate: 9,
        clusterId: "",
        address: undefined,
        detail: "x".repeat(600_000),
      });
      const { host, port } = asked.address;
      const request = {
        kind: "bootstrapRequest",
        bootstrapId: "b1",
        candidate: 3,
        expect: 3,
        address: asker.address.host === "" ? undefined : nodeAddress(asker.address.host),
      } as const;
      const answer = await settle(harness, asker.transport.call(host, port, request, 5_000));
      expect(answer).toMatchObject({ kind: "bootstrapReply", bootstrapId: "bootstrapRequest" });
      expect(asked.calls).toMatchObject([{ origin: { nodeId: 0, clusterId: "" }, request }]);
    }
    await Promise.all([asker, stranger, member].map((node) => node.transport.close()));
  });

  test.each([
    {
      name: "another secret",
      options: { secret: new Uint8Array(3) },
      port: 0,
      code: "PEER_REFUSED",
      refusal: "secret",
    },
    {
      name: "another cluster",
      options: { clusterId: "c9" },
      port: 0,
      code: "PEER_REFUSED",
      refusal: "cluster",
    },
    { name: "nobody there", options: {}, port: 1, code: "PEER_UNREACHABLE", refusal: null },
    { name: "no answer", options: {}, port: 0, code: "PEER_TIMEOUT", refusal: null },
  ])("a call fails by name: $name", async ({ options, port, code, refusal }) => {
    const harness = make();
    const asker = await startNode(harness, 1, options);
    const member = await startNode(harness, 2);
    const { host } = member.address;
    const asked = asker.transport.call(host, port === 0 ? member.port : port, STATUS, 300);
    const failure = await settle(harness, failureOf(asked));
    expect(failure).toBeInstanceOf(DbError);
    expect(failure).toMatchObject({ code, facts: { refusal } });
    await Promise.all([asker.transport.close(), member.transport.close()]);
  });

  test("closing ends calls under way", async () => {
    const harness = make();
    const asker = await startNode(harness, 1);
    const member = await startNode(harness, 2);
    const { host, port } = member.address;
    const failure = failureOf(asker.transport.call(host, port, STATUS, 60_000));
    await harness.until(() => member.calls.length === 1);
    await asker.transport.close();
    expect(await settle(harness, failure)).toMatchObject({ code: "PEER_CLOSED" });
    const late = failureOf(asker.transport.call(host, port, STATUS, 60_000));
    expect(await settle(harness, late)).toMatchObject({ code: "PEER_CLOSED" });
    await member.transport.close();
  });

  test("a node that becomes a member connects then, and not before", async () => {
    const harness = make();
    const left = await startNode(harness, 1, { clusterId: "", nodeId: 0 });
    const right = await startNode(harness, 2);
    introduce({ node: left, id: 1 }, { node: right, id: 2 });
    await harness.pass(100);
    expect(left.log).toEqual([]);
    left.transport.becomeMember("c1", 1);
    await harness.until(() => left.log.length === 1 && right.log.length === 1);
    expect(right.events.map((event) => event.kind)).toContain("refusedByPeer");
    await Promise.all([left.transport.close(), right.transport.close()]);
  });

  test("peers that are taken off the list are let go, and others stay", async () => {
    const harness = make();
    const [left, right] = await startPair(harness);
    const third = await startNode(harness, 3);
    const addresses = new Map([
      [2, right.address],
      [3, third.address],
    ]);
    left.transport.setPeers(addresses);
    await harness.until(() => left.log.includes("up 3#1"));
    addresses.delete(2);
    left.transport.setPeers(addresses);
    expect(left.log).toEqual(["up 2#1", "up 3#1", "down 2"]);
    expect(left.transport.sendRaft(2, 0, raftOf({ from: 1, to: 2 }))).toBe(false);
    expect(left.transport.sendRaft(3, 0, raftOf({ from: 1, to: 3 }))).toBe(true);
    await harness.until(() => third.raft.length === 1);
    await Promise.all([left, right, third].map((node) => node.transport.close()));
  });

  test("a peer that comes back is found, by its new incarnation", async () => {
    const harness = make();
    const [left, right] = await startPair(harness);
    await right.transport.close();
    await harness.until(() => left.log.includes("down 2"));
    expect(left.transport.isUp(2)).toBe(false);
    const again = await startNode(harness, 2, { incarnation: 2 });
    introduce({ node: left, id: 1 }, { node: again, id: 2 });
    await harness.until(() => left.log.includes("up 2#2") && again.log.includes("up 1#1"));
    expect(left.transport.sendRaft(2, 1, raftOf({ from: 1, to: 2 }))).toBe(true);
    await harness.until(() => again.raft.length === 1);
    await Promise.all([left.transport.close(), again.transport.close()]);
  });

  test.each([
    { name: "HTTP", bytes: Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), reason: "malformed" },
    { name: "zeros", bytes: new Uint8Array(100_000), reason: "malformed" },
    { name: "nothing", bytes: new Uint8Array(0), reason: "timeout" },
    { name: "half a hello", bytes: Buffer.from("894b564f52", "hex"), reason: "timeout" },
  ])("garbage on the port is refused, reported and harmless: $name", async ({ bytes, reason }) => {
    const harness = make();
    const [left, right] = await startPair(harness, { limits: { handshakeTimeoutMs: 200 } });
    const raw = await settle(harness, RawPeer.connect(harness.place(3), right.address));
    raw.send(bytes);
    await harness.until(() => raw.closed);
    expect(raw.received).toEqual([]);
    expect(right.events).toMatchObject([
      { kind: "refused", direction: "in", reason: WORDS[reason], nodeId: 0, link: null },
    ]);
    expect(left.transport.sendRaft(2, 1, raftOf({ from: 1, to: 2 }))).toBe(true);
    await harness.until(() => right.raft.length === 1);
    await Promise.all([left.transport.close(), right.transport.close()]);
  });

  test.each<{ name: string; kind: "control" | "bulk" | "call"; bytes: Uint8Array; detail: string }>(
    [
      {
        name: "a forged term of 2^53",
        kind: "control",
        bytes: rawFrame(FrameType.raftMessage, Buffer.from("1005188080808080808010", "hex")),
        detail: "2^53",
      },
      {
        name: "a flipped bit",
        kind: "control",
        bytes: flipped(rawFrame(FrameType.raftMessage, Uint8Array.of(16, 5))),
        detail: "checksum",
      },
      {
        name: "an oversized frame",
        kind: "control",
        bytes: Uint8Array.of(0, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 0, 0),
        detail: "oversized",
      },
      {
        name: "an unknown frame type",
        kind: "control",
        bytes: rawFrame(99, new Uint8Array(3)),
        detail: "not known",
      },
      {
        name: "a call's message without a call",
        kind: "control",
        bytes: rawFrame(FrameType.statusRequest, new Uint8Array(0)),
        detail: "another connection",
      },
      {
        name: "a member's message in a call",
        kind: "call",
        bytes: rawFrame(FrameType.forward, new Uint8Array(0)),
        detail: "another connection",
      },
      {
        name: "an answer to no question",
        kind: "call",
        bytes: rawFrame(FrameType.statusReply, new Uint8Array(0)),
        detail: "no question",
      },
      {
        name: "two questions in one call",
        kind: "call",
        bytes: Buffer.concat([
          rawFrame(FrameType.statusRequest, new Uint8Array(0)),
          rawFrame(FrameType.statusRequest, new Uint8Array(0)),
        ]),
        detail: "second question",
      },
      {
        name: "a pong from a dialer",
        kind: "control",
        bytes: rawFrame(FrameType.pong, new Uint8Array(0)),
        detail: "not known",
      },
      {
        name: "a piece on a control connection",
        kind: "control",
        bytes: rawFrame(FrameType.pieceFirst, new Uint8Array(8)),
        detail: "not known",
      },
      {
        name: "a piece of a message of 4 GiB",
        kind: "bulk",
        bytes: rawFrame(FrameType.pieceFirst, Uint8Array.of(1, 0, 0, 0, 255, 255, 255, 255)),
        detail: "oversized",
      },
      {
        name: "a piece of no message",
        kind: "bulk",
        bytes: rawFrame(FrameType.pieceNext, new Uint8Array(8)),
        detail: "unexpected",
      },
    ],
  )("a trusted peer that sends $name is cut off", async ({ kind, bytes, detail }) => {
    const harness = make();
    const [left, right] = await startPair(harness);
    const raw = await settle(harness, RawPeer.connect(harness.place(3), right.address));
    raw.prove(identity(9), kind);
    await harness.until(() => raw.isTrusted);
    raw.send(Buffer.concat([bytes, rawFrame(FrameType.raftMessage, Uint8Array.of(16, 5))]));
    await harness.until(() => raw.closed);
    expect(right.raft).toEqual([]);
    expect(right.events).toMatchObject([
      { kind: "badFrame", nodeId: 9, link: kind, direction: "in" },
    ]);
    expect(right.events[0]!.reason).toContain(detail);
    expect(right.transport.sendRaft(1, 1, raftOf({ from: 2, to: 1 }))).toBe(true);
    await harness.until(() => left.raft.length === 1);
    await Promise.all([left.transport.close(), right.transport.close()]);
  });

  test("who connects anew replaces the old connection; a former self is refused", async () => {
    const harness = make();
    const node = await startNode(harness, 1);
    const prove = async (incarnation: number, kind: LinkKind = "control"): Promise<RawPeer> => {
      const raw = await settle(harness, RawPeer.connect(harness.place(3), node.address));
      raw.prove(identity(9, { incarnation }), kind);
      await harness.until(() => raw.isTrusted || raw.closed);
      return raw;
    };
    const first = await prove(5);
    const second = await prove(5);
    await harness.until(() => first.closed);
    expect(node.events).toMatchObject([{ kind: "replaced", nodeId: 9, link: "control" }]);
    const former = await prove(4);
    expect(former.handshake).toMatchObject({ state: "refused", refusal: "stale" });
    expect(second.closed).toBe(false);
    const bulk = await prove(5, "bulk");
    await prove(6);
    await harness.until(() => second.closed && bulk.closed);
    await node.transport.close();
  });

  test("unproved connections, calls and peers are limited in number", async () => {
    const harness = make();
    const limits = { handshakesMax: 3, callsMax: 1, peersMax: 1, handshakeTimeoutMs: 400 };
    const node = await startNode(harness, 1, { limits });
    const connect = (): Promise<RawPeer> =>
      settle(harness, RawPeer.connect(harness.place(3), node.address));
    const oldest = await connect();
    const idle = [await connect(), await connect(), await connect()];
    await harness.until(() => oldest.closed);
    expect(idle.map((each) => each.closed)).toEqual([false, false, false]);
    expect(node.events).toMatchObject([{ kind: "refused", reason: "too many connections" }]);
    await harness.until(() => idle.every((each) => each.closed));
    for (const kind of ["call", "control"] as const) {
      const welcome = await connect();
      welcome.prove(identity(8), kind);
      await harness.until(() => welcome.isTrusted);
      const refused = await connect();
      refused.prove(identity(9), kind);
      await harness.until(() => refused.closed);
      expect(refused.handshake).toMatchObject({ refusal: "busy", refusedByPeer: true });
    }
    await node.transport.close();
  });

  test("reports are limited, and say how many were left out", async () => {
    const harness = make();
    const node = await startNode(harness, 1, { limits: { reportBurst: 2, tickMs: 60_000 } });
    for (let attempt = 0; attempt < 6; attempt++) {
      const raw = await settle(harness, RawPeer.connect(harness.place(3), node.address));
      raw.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
      await harness.until(() => raw.closed);
    }
    expect(node.events).toHaveLength(2);
    expect(JSON.stringify(node.events)).not.toContain("secret of");
    await node.transport.close();
  });

  test("ordered messages behind a large one do not overtake it", async () => {
    const harness = make();
    const [left, right] = await startPair(harness);
    await harness.until(() => left.transport.isUp(2, "bulk"));
    const sizes = [5, 900_000, 9, 70_000, 0, 300_000, 1];
    const sent = sizes.map((size, index) => appendOf(1, 2, index, size));
    for (const message of sent) expect(left.transport.sendRaft(2, 1, message, true)).toBe(true);
    await harness.until(() => right.raft.length === sent.length);
    expect(right.raft.map((each) => each.message.index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    await Promise.all([left.transport.close(), right.transport.close()]);
  });

  test("a queue that is full refuses, and says when there is room again", async () => {
    const harness = make();
    // No tick comes to the rescue: the word must come from the sockets.
    const limits = { bulkQueueBytesMax: 1_000_000, messageBytesMax: 4_000_000, tickMs: 60_000 };
    const left = await startNode(harness, 1, { limits });
    const right = await startNode(harness, 2);
    introduce({ node: left, id: 1 }, { node: right, id: 2 });
    await harness.until(() => left.transport.isUp(2, "bulk"));
    // One message always fits when nothing waits.
    expect(left.transport.sendRaft(2, 1, appendOf(1, 2, 0, 3_000_000))).toBe(true);
    let taken = 0;
    while (taken < 50 && left.transport.sendRaft(2, 1, appendOf(1, 2, taken + 1, 200_000))) taken++;
    expect(taken).toBeLessThan(5);
    expect(left.transport.sendRaft(2, 1, raftOf({ from: 1, to: 2, type: 7 }))).toBe(true);
    await harness.until(() => left.log.includes("writable 2"));
    expect(left.transport.sendRaft(2, 1, appendOf(1, 2, 99, 200_000))).toBe(true);
    await harness.until(() => right.raft.length === taken + 3);
    expect(left.log.filter((line) => line === "writable 2")).toHaveLength(1);
    await Promise.all([left.transport.close(), right.transport.close()]);
  });

  test("random frames from a trusted peer never crash", async () => {
    const harness = make();
    const node = await startNode(harness, 1, { limits: { reportBurst: 1 } });
    for (const [type, body] of fc.sample(fc.tuple(fc.nat(255), fc.uint8Array()), 60)) {
      const raw = await settle(harness, RawPeer.connect(harness.place(3), node.address));
      raw.prove(identity(9), "bulk");
      await harness.until(() => raw.isTrusted);
      raw.sendFrame(type, body);
      raw.hangUp();
    }
    const last = await settle(harness, RawPeer.connect(harness.place(3), node.address));
    last.prove(identity(9), "bulk");
    await harness.until(() => last.isTrusted);
    last.sendFrame(FrameType.raftMessage, Uint8Array.of(16, 5, 24, 9));
    await harness.until(() => node.raft.some((each) => each.message.term === 9));
    expect(node.events.length).toBeGreaterThan(0);
    await node.transport.close();
  });
});

const WORDS: Readonly<Record<string, string>> = {
  malformed: "not a peer's handshake",
  timeout: "handshake took too long",
};

function chunk(sequence: number, bytes: number): SnapshotChunk {
  return {
    kind: "snapshotChunk",
    shard: 1,
    stream: 1,
    sequence,
    term: 1,
    last: false,
    mark: null,
    totalBytes: 0,
    data: new Uint8Array(bytes).fill(sequence),
  };
}

function nodeAddress(host: string): {
  host: string;
  peerPort: number;
  clientPort: number;
  clusterPort: number;
  httpPort: number;
} {
  return { host, peerPort: 1, clientPort: 2, clusterPort: 3, httpPort: 4 };
}

function flipped(bytes: Uint8Array): Uint8Array {
  bytes[bytes.length - 1]! ^= 0x10;
  return bytes;
}

/** Lets the world run until the promise has settled. */
async function settle<T>(harness: Harness, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const mark = (): void => {
    isSettled = true;
  };
  promise.then(mark, mark);
  await harness.until(() => isSettled);
  return promise;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

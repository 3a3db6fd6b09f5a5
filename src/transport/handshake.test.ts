// Goal: only who knows the secret of this cluster gets in, whatever else is sent.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HandshakeOptions } from "./handshake.ts";
import {
  encodeHello,
  encodeProof,
  NONCE_BYTES,
  UNTRUSTED_BYTES_MAX,
  type Hello,
} from "./handshake-format.ts";
import { converse, identity, SECRET, Side } from "./testing/handshakes.ts";

const HELLO: Hello = {
  version: 1,
  versionMin: 1,
  role: "dialer",
  kind: "control",
  clusterId: "c1",
  nodeId: 1,
  incarnation: 1,
  nonce: new Uint8Array(NONCE_BYTES).fill(0xd1),
};

function dialer(changes: Partial<HandshakeOptions> = {}): Side {
  return new Side({ role: "dialer", identity: identity(1), expectedNodeId: 2, ...changes });
}

function acceptor(changes: Partial<HandshakeOptions> = {}): Side {
  return new Side({ role: "acceptor", identity: identity(2), ...changes });
}

describe("handshake", () => {
  test("makes both sides know each other", () => {
    const near = dialer({ kind: "bulk", identity: identity(1, { incarnation: 5 }) });
    const far = acceptor({ identity: identity(2, { incarnation: 2 ** 53 - 1 }) });
    converse(near, far);
    expect(near.handshake.state).toBe("done");
    expect(far.handshake.state).toBe("done");
    expect(near.handshake.peer).toMatchObject({ nodeId: 2, incarnation: 2 ** 53 - 1 });
    expect(far.handshake.peer).toMatchObject({ nodeId: 1, incarnation: 5, kind: "bulk" });
  });

  test("has the golden bytes", () => {
    const near = dialer();
    const far = acceptor();
    near.handshake.start();
    const words: Uint8Array[] = [near.take()];
    far.hear(words[0]!);
    words.push(far.take());
    near.hear(words[1]!);
    words.push(near.take());
    far.hear(words[2]!);
    words.push(far.take());
    expect(words.map((word) => Buffer.from(word).toString("hex"))).toEqual([
      `894b564f52554d0a010001000101020001000000000000000100000000000000${"d1".repeat(32)}6331`,
      `894b564f52554d0a010001000201020002000000000000000100000000000000${"ac".repeat(32)}6331`,
      // Made by Python's hmac over "kvorum peer 1 dialer\n" (and acceptor) and both hellos.
      "0100000082d393df3a5d3828c55823fd141f9fd923fad7a5531f589a0a2581f5a6891a62",
      "010000005e4e9f5cfa630f4adf3dea1913b813a745fcacb8c6c96f1c7599fec1ac278424",
    ]);
  });

  test.each<{
    name: string;
    near?: Partial<HandshakeOptions>;
    far?: Partial<HandshakeOptions>;
    reason: string;
  }>([
    {
      name: "another secret",
      near: { identity: identity(1, { secret: new Uint8Array(8) }) },
      reason: "secret",
    },
    {
      name: "no secret at the dialer",
      near: { identity: identity(1, { secret: new Uint8Array(0) }) },
      reason: "secret",
    },
    {
      name: "another cluster",
      near: { identity: identity(1, { clusterId: "c2" }) },
      reason: "cluster",
    },
    {
      name: "no cluster, but no call",
      near: { identity: identity(1, { clusterId: "" }) },
      reason: "cluster",
    },
    {
      name: "neither has a cluster, but no call",
      near: { identity: identity(1, { clusterId: "" }) },
      far: { identity: identity(2, { clusterId: "" }) },
      reason: "cluster",
    },
    {
      name: "a call between clusters",
      near: { kind: "call", identity: identity(1, { clusterId: "c2" }) },
      reason: "cluster",
    },
    { name: "no node id, but no call", near: { identity: identity(0) }, reason: "node" },
    { name: "its own node id", near: { identity: identity(2) }, reason: "node" },
    { name: "not admitted", far: { admit: () => "busy" }, reason: "busy" },
  ])("refuses at the acceptor, and the dialer hears why: $name", ({ near, far, reason }) => {
    const left = dialer({ expectedNodeId: 0, ...near });
    const right = acceptor(far);
    converse(left, right);
    expect(right.handshake).toMatchObject({ state: "refused", refusal: reason });
    expect(left.handshake).toMatchObject({
      state: "refused",
      refusal: reason,
      refusedByPeer: true,
    });
  });

  test("refuses a node that is not the one that was dialled", () => {
    const near = dialer({ expectedNodeId: 3 });
    const far = acceptor();
    converse(near, far);
    expect(near.handshake).toMatchObject({
      state: "refused",
      refusal: "node",
      refusedByPeer: false,
    });
    expect(far.handshake.state).toBe("proof");
  });

  test.each([
    { name: "neither side in a cluster", left: "", right: "" },
    { name: "a stranger asks a member", left: "", right: "c1" },
    { name: "a member asks a stranger", left: "c1", right: "" },
    { name: "members of one cluster", left: "c1", right: "c1" },
  ])("lets calls through: $name", ({ left, right }) => {
    const near = dialer({
      kind: "call",
      expectedNodeId: 0,
      identity: identity(0, { clusterId: left }),
    });
    const far = acceptor({ identity: identity(0, { clusterId: right }) });
    converse(near, far);
    expect(near.handshake.state).toBe("done");
    expect(far.handshake.peer).toMatchObject({ kind: "call", nodeId: 0, clusterId: left });
  });

  test.each([
    { name: "HTTP", bytes: Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
    { name: "RESP", bytes: Buffer.from("*1\r\n$4\r\nPING\r\n") },
    { name: "TLS", bytes: Buffer.from("16030100c8010000c40303", "hex") },
    { name: "zeros", bytes: new Uint8Array(600) },
    { name: "a refusal", bytes: Uint8Array.of(2, 1, 0, 0) },
    { name: "a proof at once", bytes: encodeProof(new Uint8Array(32)) },
    { name: "a magic that ends otherwise", bytes: Buffer.from("894b564f52554d0d", "hex") },
  ])("says nothing to who does not speak the protocol: $name", ({ bytes }) => {
    const far = acceptor();
    far.hear(bytes);
    expect(far.handshake).toMatchObject({ state: "refused", refusal: "malformed" });
    expect(far.take()).toHaveLength(0);
  });

  test.each([
    { name: "a later version that has left ours behind", hello: { version: 9, versionMin: 2 } },
    { name: "version 0", hello: { version: 0, versionMin: 0 } },
  ])("refuses $name by name", ({ hello }) => {
    const far = acceptor();
    far.hear(encodeHello({ ...HELLO, ...hello }));
    expect(far.handshake).toMatchObject({ state: "refused", refusal: "version" });
    expect(far.take()).toEqual(Buffer.from([2, 1, 0, 0]));
  });

  test("takes a later version that still speaks ours", () => {
    const far = acceptor();
    far.hear(encodeHello({ ...HELLO, version: 9, versionMin: 1 }));
    expect(far.handshake.state).toBe("proof");
  });

  test.each([
    { name: "role", at: 12, value: 3 },
    { name: "its own role", at: 12, value: 2 },
    { name: "kind", at: 13, value: 0 },
    { name: "cluster id length", at: 14, value: 65 },
    { name: "reserved byte", at: 15, value: 1 },
    { name: "node id of 2^53 and more", at: 22, value: 0x20 },
    { name: "incarnation of 2^53 and more", at: 31, value: 1 },
    { name: "cluster id that cannot be printed", at: 64, value: 0x0a },
  ])("refuses a hello with a bad $name", ({ at, value }) => {
    const bytes = encodeHello(HELLO);
    bytes[at] = value;
    const far = acceptor();
    far.hear(bytes);
    expect(far.handshake).toMatchObject({ state: "refused", refusal: "malformed" });
  });

  test("refuses when any bit of any word is flipped", () => {
    const words = recordConversation();
    expect(replay(words, 0, words[0]!), "unchanged").toBe(true);
    for (const [turn, word] of words.entries()) {
      for (let bit = 0; bit < word.length * 8; bit++) {
        const changed = Uint8Array.from(word);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(replay(words, turn, changed), `word ${turn}, bit ${bit}`).toBe(false);
      }
    }
  });

  test("a recorded conversation opens nothing later", () => {
    const words = recordConversation();
    const far = acceptor({ nonce: new Uint8Array(NONCE_BYTES).fill(0x77) });
    far.hear(words[0]!);
    far.hear(words[2]!);
    expect(far.handshake).toMatchObject({ state: "refused", refusal: "secret" });
    const near = dialer({ nonce: new Uint8Array(NONCE_BYTES).fill(0x77) });
    near.handshake.start();
    near.hear(words[1]!);
    near.hear(words[3]!);
    expect(near.handshake).toMatchObject({ state: "refused", refusal: "secret" });
  });

  test("a node's own words, sent back, open nothing", () => {
    const near = dialer();
    near.handshake.start();
    near.hear(near.take());
    expect(near.handshake).toMatchObject({ state: "refused", refusal: "malformed" });
    // Its proof as a dialer, used by who accepted it in order to come in elsewhere.
    const victim = dialer({ expectedNodeId: 0 });
    victim.handshake.start();
    victim.take();
    victim.hear(encodeHello({ ...HELLO, role: "acceptor", nodeId: 9 }));
    const stolen = victim.take();
    const far = acceptor({ identity: identity(1) });
    far.hear(encodeHello({ ...HELLO, nodeId: 9 }));
    far.take();
    far.hear(stolen);
    expect(far.handshake).toMatchObject({ state: "refused", refusal: "secret" });
  });

  test("leaves the bytes behind it to the frames", () => {
    const near = dialer();
    const far = acceptor();
    near.handshake.start();
    far.hear(near.take());
    near.hear(far.take());
    expect(far.hear(Buffer.concat([near.take(), Buffer.from("frames")]))).toBe(6);
  });

  test("does not depend on how the bytes are cut", () => {
    const words = recordConversation();
    const input = Buffer.concat([words[0]!, words[2]!]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 200 }), (cuts) => {
        const far = acceptor();
        let at = 0;
        for (const cut of [...cuts, input.length]) {
          far.handshake.feed(input, at, Math.min(input.length, at + cut));
          at = Math.min(input.length, at + cut);
        }
        expect(far.handshake.state).toBe("done");
        expect(far.take()).toEqual(Buffer.concat([words[1]!, words[3]!]));
      }),
    );
  });

  test("random bytes neither crash nor pass, and it stays small", () => {
    expect(UNTRUSTED_BYTES_MAX).toBeLessThanOrEqual(512);
    const start = Buffer.from(encodeHello(HELLO));
    fc.assert(
      fc.property(fc.nat(start.length), fc.uint8Array({ maxLength: 300 }), (kept, noise) => {
        const far = acceptor();
        far.hear(Buffer.concat([start.subarray(0, kept), noise]));
        expect(far.handshake.state).not.toBe("done");
      }),
      { numRuns: 5_000 },
    );
  });
});

function recordConversation(): Uint8Array[] {
  const near = dialer();
  const far = acceptor();
  near.handshake.start();
  const first = near.take();
  far.hear(first);
  const second = far.take();
  near.hear(second);
  const third = near.take();
  far.hear(third);
  return [first, second, third, far.take()];
}

/**
 * Whether both sides are satisfied when one word of the recorded conversation is another on
 * arrival.
 */
function replay(words: readonly Uint8Array[], turn: number, changed: Uint8Array): boolean {
  const heard = words.map((word, at) => (at === turn ? changed : word));
  const near = dialer();
  const far = acceptor();
  near.handshake.start();
  near.take();
  far.hear(heard[0]!);
  far.take();
  near.hear(heard[1]!);
  // What really would be said now, unless the changed word is the one.
  far.hear(turn === 2 ? changed : near.take());
  if (far.handshake.state !== "done") return false;
  near.hear(turn === 3 ? changed : far.take());
  return near.handshake.state === "done";
}

test("the secret of these tests is not empty", () => expect(SECRET.length).toBeGreaterThan(0));

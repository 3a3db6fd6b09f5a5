// Goal: whatever bytes a frame holds, the dispatcher hands on a well-formed message or names the
// fault.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { invariant, InvariantError } from "../base/invariant.ts";
import { FrameType } from "./generated/messages.ts";
import type { PeerHandler } from "./handler.ts";
import { MessageDispatcher } from "./message-dispatcher.ts";
import { writePeerMessage, frameTypeOf } from "./peer-codec.ts";
import type { PeerMessage, RaftMessage } from "./peer-message.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { writeRaftMessage } from "./raft-codec.ts";
import { messagesByKind, raftMessage } from "./testing/arbitraries.ts";

const INPUTS = 25_000;

/** Notes what it was given, and whether all of it is within the promised ranges. */
class CheckingHandler implements PeerHandler {
  handed = 0;

  onRaft(_from: number, shard: number, message: RaftMessage): void {
    this.handed++;
    invariant(message.type >= 1 && message.type <= 12, "a message type is one of twelve");
    expectSafe([shard, message]);
    for (const [at, entry] of message.entries.entries()) {
      invariant(entry.index === message.index + 1 + at, "entries are contiguous");
    }
  }

  onMessage(_from: number, message: PeerMessage): void {
    this.handed++;
    expectSafe(message);
  }

  onCall(): void {}
  onPeerUp(): void {}
  onPeerDown(): void {}
  onWritable(): void {}
}

function expectSafe(value: unknown): void {
  if (typeof value === "number") {
    invariant(Number.isSafeInteger(value) && value >= 0, "numbers are safe integers");
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  for (const part of Object.values(value)) expectSafe(part);
}

/** Dispatches a body that lies between other bytes, as in the read buffer. */
function dispatch(dispatcher: MessageDispatcher, type: number, body: Uint8Array): string | null {
  const shared = new Uint8Array(body.length + 32);
  for (let at = 0; at < shared.length; at++) shared[at] = (at * 167) & 0xff;
  shared.set(body, 16);
  const end = 16 + body.length;
  const refusal = dispatcher.dispatch(1, 2, type, shared, viewOf(shared), 16, end);
  const inCall = dispatcher.readCall(type, shared, viewOf(shared), 16, end);
  expect("kind" in inCall || "fault" in inCall).toBe(true);
  return refusal === null ? null : refusal.fault;
}

const anyMessage: fc.Arbitrary<{ type: number; body: Uint8Array }> = fc.oneof(
  raftMessage(1, 2).map((message) => {
    const writer = new ProtoWriter();
    writeRaftMessage(3, message, writer);
    return { type: FrameType.raftMessage, body: writer.finish() };
  }),
  ...Object.values(messagesByKind).map((arbitrary: fc.Arbitrary<PeerMessage>) =>
    arbitrary.map((message) => {
      const writer = new ProtoWriter();
      writePeerMessage(message, writer);
      return { type: frameTypeOf(message.kind), body: writer.finish() };
    }),
  ),
);

describe("message dispatcher", () => {
  test(`survives ${INPUTS} random bodies`, () => {
    const handler = new CheckingHandler();
    const dispatcher = new MessageDispatcher(handler);
    let refused = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 16 }),
        fc.uint8Array({ maxLength: 60 }),
        (type, body) => {
          if (dispatch(dispatcher, type, body) !== null) refused++;
        },
      ),
      { numRuns: INPUTS },
    );
    // The inputs reach both ends: some happen to be messages, most are not.
    expect(handler.handed).toBeGreaterThan(INPUTS / 100);
    expect(refused).toBeGreaterThan(INPUTS / 4);
  });

  test("survives messages that were damaged in a byte, cut or doubled", () => {
    const handler = new CheckingHandler();
    const dispatcher = new MessageDispatcher(handler);
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.nat(255), fc.nat(3), (message, place, value, how) => {
        const body = Uint8Array.from(message.body);
        const at = body.length === 0 ? 0 : place % body.length;
        if (how === 0 && body.length > 0) body[at] = value;
        const damaged =
          how === 1 ? body.subarray(0, at) : how === 2 ? Buffer.concat([body, body]) : body;
        dispatch(dispatcher, how === 3 ? value % 16 : message.type, damaged);
      }),
      { numRuns: 5_000 },
    );
    expect(handler.handed).toBeGreaterThan(500);
  });

  test("a bug in the handler is not taken for a malformed message", () => {
    const handler = new CheckingHandler();
    handler.onRaft = () => {
      throw new InvariantError("a bug");
    };
    const dispatcher = new MessageDispatcher(handler);
    const body = Uint8Array.of(16, 5);
    expect(() => dispatch(dispatcher, FrameType.raftMessage, body)).toThrow("a bug");
  });
});

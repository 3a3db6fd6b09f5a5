// Goal: every kind of message survives the wire, and the hand-written ones are what the schema
// says.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { InvariantError } from "../base/invariant.ts";
import * as wire from "./generated/messages.ts";
import {
  frameTypeOf,
  peerMessageBytesMax,
  readPeerMessage,
  writePeerMessage,
} from "./peer-codec.ts";
import type { PeerMessage } from "./peer-message.ts";
import { ProtoReader } from "./proto-reader.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { messagesByKind } from "./testing/arbitraries.ts";

const kinds = Object.keys(messagesByKind) as PeerMessage["kind"][];

function encode(message: PeerMessage): Uint8Array {
  const writer = new ProtoWriter();
  writePeerMessage(message, writer);
  return writer.finish();
}

function decode(type: number, bytes: Uint8Array): PeerMessage | null {
  const shared = new Uint8Array(bytes.length + 20).fill(0xff);
  shared.set(bytes, 10);
  const reader = new ProtoReader();
  reader.aim(shared, viewOf(shared), 10, 10 + bytes.length);
  return readPeerMessage(type, reader, 10 + bytes.length);
}

describe("peer message codec", () => {
  test.each(kinds)("reads back what it wrote: %s", (kind) => {
    const drawn: fc.Arbitrary<PeerMessage> = messagesByKind[kind];
    fc.assert(
      fc.property(drawn, (message) => {
        const bytes = encode(message);
        expect(decode(frameTypeOf(kind), bytes)).toEqual(message);
        expect(bytes.length).toBeLessThanOrEqual(peerMessageBytesMax(message, new ProtoWriter()));
      }),
      { numRuns: 50 },
    );
  });

  test("writes the very bytes of the generated code where it is written by hand", () => {
    fc.assert(
      fc.property(
        messagesByKind.forward,
        messagesByKind.forwardReply,
        messagesByKind.snapshotChunk,
        (forward, forwardReply, chunk) => {
          const generated = {
            forward: new ProtoWriter(),
            reply: new ProtoWriter(),
            chunk: new ProtoWriter(),
          };
          wire.writeForward(forward, generated.forward);
          wire.writeForwardReply(forwardReply, generated.reply);
          wire.writeSnapshotChunk({ ...chunk, mark: chunk.mark ?? undefined }, generated.chunk);
          expect(encode(forward)).toEqual(generated.forward.finish());
          expect(encode(forwardReply)).toEqual(generated.reply.finish());
          expect(encode(chunk)).toEqual(generated.chunk.finish());
        },
      ),
    );
  });

  test("gives null for a frame type that is no message", () => {
    for (const type of [0, 1, 13, 99, 240, 243, 255])
      expect(decode(type, encodeEmpty())).toBeNull();
  });

  test("refuses numbers of 2^53 in every kind, wherever they sit", () => {
    for (const kind of kinds) {
      for (const field of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const writer = new ProtoWriter();
        writer.writeVarintField(field, 2 ** 53);
        const bytes = writer.finish();
        // Where the field holds no number, the bytes are either refused or mean nothing.
        const decoded = decodeOrNull(frameTypeOf(kind), bytes);
        expect(JSON.stringify(decoded)).not.toContain("9007199254740992");
      }
    }
  });
});

function decodeOrNull(type: number, bytes: Uint8Array): PeerMessage | null {
  try {
    return decode(type, bytes);
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    return null;
  }
}

function encodeEmpty(): Uint8Array {
  return new Uint8Array(0);
}

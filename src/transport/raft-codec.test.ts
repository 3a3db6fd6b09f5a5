// Goal: the hand-written codec of Raft's messages is the generated one, only faster, and refuses
// what is forged.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import * as wire from "./generated/messages.ts";
import type { RaftMessage } from "./peer-message.ts";
import { ProtoReader } from "./proto-reader.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { raftMessageBytesMax, RaftMessageReader, writeRaftMessage } from "./raft-codec.ts";
import { raftMessage, uint53 } from "./testing/arbitraries.ts";

const FROM = 7;
const TO = 9;

function encode(shard: number, message: RaftMessage): Uint8Array {
  const writer = new ProtoWriter();
  writeRaftMessage(shard, message, writer);
  return writer.finish();
}

/** Decodes from the middle of a larger buffer, as frames lie in the read buffer. */
function decode(bytes: Uint8Array): { shard: number; message: RaftMessage } {
  const shared = new Uint8Array(bytes.length + 20).fill(0xff);
  shared.set(bytes, 10);
  const reader = new ProtoReader();
  reader.aim(shared, viewOf(shared), 10, 10 + bytes.length);
  const raftReader = new RaftMessageReader();
  const message = raftReader.read(reader, 10 + bytes.length, FROM, TO);
  return { shard: raftReader.shard, message };
}

function encodeGenerated(fields: Partial<wire.RaftMessage>): Uint8Array {
  const writer = new ProtoWriter();
  const empty = wire.readRaftMessage(new ProtoReader());
  wire.writeRaftMessage({ ...empty, ...fields }, writer);
  return writer.finish();
}

describe("Raft message codec", () => {
  test("reads back what it wrote", () => {
    fc.assert(
      fc.property(uint53, raftMessage(FROM, TO), (shard, message) => {
        expect(decode(encode(shard, message))).toEqual({ shard, message });
      }),
    );
  });

  test("writes the very bytes of the generated code", () => {
    fc.assert(
      fc.property(uint53, raftMessage(FROM, TO), (shard, message) => {
        const { snapshot, ...rest } = message;
        const generated = encodeGenerated({ ...rest, shard, snapshot: snapshot ?? undefined });
        expect(encode(shard, message)).toEqual(generated);
        expect(generated.length).toBeLessThanOrEqual(raftMessageBytesMax(message));
      }),
    );
  });

  test("gives every message one shape, with what is missing as 0, false, empty or null", () => {
    expect(decode(encodeGenerated({ type: 7, term: 3, round: 5 })).message).toEqual({
      type: 7,
      from: FROM,
      to: TO,
      term: 3,
      logTerm: 0,
      index: 0,
      commit: 0,
      entries: [],
      reject: false,
      rejectHint: 0,
      rejectHintTerm: 0,
      context: 0,
      round: 5,
      snapshot: null,
    });
  });

  test("skips fields of later releases", () => {
    const writer = new ProtoWriter();
    writer.writeVarintField(2, 7);
    writer.writeBytesField(200, new Uint8Array(300));
    writer.writeVarintField(3, 44);
    writer.writeFixed64Field(201, 1);
    expect(decode(writer.finish()).message.term).toBe(44);
  });

  test("handles the golden bytes", () => {
    const data = Uint8Array.of(0xca, 0xfe);
    const message = {
      ...decode(encodeGenerated({ type: 5 })).message,
      term: 3,
      logTerm: 2,
      index: 300,
      commit: 299,
      round: 17,
      entries: [
        { term: 3, index: 301, type: 0, data },
        { term: 3, index: 302, type: 1, data: new Uint8Array(0) },
      ],
    } satisfies RaftMessage;
    expect(Buffer.from(encode(12, message)).toString("hex")).toBe(
      "080c10051803200228ac0230ab0238117a0608031a02cafe7a06080310011a00",
    );
  });

  test.each([
    { name: "term of 2^53", bytes: encodeGenerated({ type: 5, term: 2 ** 53 }) },
    { name: "index of 2^53", bytes: encodeGenerated({ type: 5, index: 2 ** 53 }) },
    { name: "shard of 2^63", bytes: encodeGenerated({ type: 5, shard: 2 ** 63 }) },
    { name: "no type", bytes: encodeGenerated({ term: 1 }) },
    { name: "unknown type", bytes: encodeGenerated({ type: 13 }) },
    {
      name: "unknown entry type",
      bytes: encodeGenerated({ type: 5, entries: [{ term: 1, type: 3, data: undefined }] }),
    },
    {
      name: "entry term of 2^53",
      bytes: encodeGenerated({ type: 5, entries: [{ term: 2 ** 53, type: 0, data: undefined }] }),
    },
    {
      name: "entries up to an index of 2^53",
      bytes: encodeGenerated({
        type: 5,
        index: Number.MAX_SAFE_INTEGER,
        entries: [{ term: 1, type: 0, data: undefined }],
      }),
    },
    { name: "index behind the entries", bytes: Uint8Array.of(16, 5, 122, 0, 40, 9) },
    { name: "a snapshot without members", bytes: Uint8Array.of(16, 9, 98, 2, 8, 1) },
    { name: "a voter of 2^53", bytes: markWithVoter(2 ** 53) },
    { name: "a number as bytes", bytes: Uint8Array.of(16, 5, 26, 1, 1) },
    { name: "an entry as a number", bytes: Uint8Array.of(16, 5, 120, 1) },
    { name: "an entry past the end", bytes: Uint8Array.of(16, 5, 122, 5, 8, 1) },
    { name: "entry data past the entry", bytes: Uint8Array.of(16, 5, 122, 3, 26, 2, 0, 0) },
    { name: "a varint past the end", bytes: Uint8Array.of(16, 5, 24, 0x80) },
    { name: "field number 0", bytes: Uint8Array.of(16, 5, 0, 1, 1) },
  ])("refuses $name", ({ bytes }) => {
    expect(() => decode(bytes)).toThrow(Error);
  });
});

function markWithVoter(voter: number): Uint8Array {
  const conf = {
    voters: [1, voter],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return encodeGenerated({ type: 9, snapshot: { index: 1, term: 1, conf } });
}

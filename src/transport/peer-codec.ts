// Peer messages as protobuf: the frequent ones by hand (no wrapper, bytes moved once), the rest
// generated.
import type { PbfReader, PbfWriter } from "pbf";
import * as wire from "./generated/messages.ts";
import type { Forward, ForwardReply, PeerMessage, SnapshotChunk } from "./peer-message.ts";
import { MalformedMessage, type ProtoReader } from "./proto-reader.ts";
import { readMark, snapshotMarkBytesMax } from "./raft-codec.ts";

const { FrameType } = wire;

/** Kinds whose codec is the generated one. */
type RareMessage = Exclude<PeerMessage, Forward | ForwardReply | SnapshotChunk>;

/** Beyond the bytes they carry, the hand-written messages need less than this. */
const OVERHEAD_BYTES_MAX = 128;
/** pbf makes sure of this much room before it writes a number, however short that is. */
const WRITER_AHEAD_BYTES = 10;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/**
 * Type byte of a frame that carries messages of this kind: the schema's `FrameType` has the same
 * names.
 */
export function frameTypeOf(kind: PeerMessage["kind"]): number {
  return FrameType[kind];
}

/**
 * An upper bound of the encoded length.
 *
 * @param scratch The rare kinds are encoded into it to know their length.
 */
export function peerMessageBytesMax(message: PeerMessage, scratch: PbfWriter): number {
  switch (message.kind) {
    case "forward":
      return OVERHEAD_BYTES_MAX + message.operation.length;
    case "forwardReply":
      return OVERHEAD_BYTES_MAX + message.reply.length;
    case "snapshotChunk": {
      const markBytes = message.mark === null ? 0 : snapshotMarkBytesMax(message.mark);
      return OVERHEAD_BYTES_MAX + markBytes + message.data.length;
    }
    case "snapshotStatus":
    case "nodeHeartbeat":
    case "joinRequest":
    case "joinReply":
    case "bootstrapRequest":
    case "bootstrapReply":
    case "statusRequest":
    case "statusReply":
      scratch.pos = 0;
      writeRare(message, scratch);
      return scratch.pos + WRITER_AHEAD_BYTES;
    default:
      return message satisfies never;
  }
}

/** Writes a message. */
export function writePeerMessage(message: PeerMessage, writer: PbfWriter): void {
  if (message.kind === "forward") writeForward(message, writer);
  else if (message.kind === "forwardReply") writeForwardReply(message, writer);
  else if (message.kind === "snapshotChunk") writeSnapshotChunk(message, writer);
  else writeRare(message, writer);
}

/**
 * Reads the message at which `reader` is aimed, up to `end`.
 *
 * @param type The frame's type byte.
 * @returns The message, its bytes as views of the reader's buffer; null for a type that is no
 * message.
 * @throws MalformedMessage, or pbf's own errors.
 */
export function readPeerMessage(
  type: number,
  reader: ProtoReader,
  end: number,
): PeerMessage | null {
  switch (type) {
    case FrameType.forward:
      return readForward(reader, end);
    case FrameType.forwardReply:
      return readForwardReply(reader, end);
    case FrameType.snapshotChunk:
      return readSnapshotChunk(reader, end);
    case FrameType.snapshotStatus:
      return { kind: "snapshotStatus", ...readRare(wire.readSnapshotStatus, reader, end) };
    case FrameType.nodeHeartbeat:
      return { kind: "nodeHeartbeat", ...readRare(wire.readNodeHeartbeat, reader, end) };
    case FrameType.joinRequest:
      return { kind: "joinRequest", ...readRare(wire.readJoinRequest, reader, end) };
    case FrameType.joinReply:
      return { kind: "joinReply", ...readRare(wire.readJoinReply, reader, end) };
    case FrameType.bootstrapRequest:
      return { kind: "bootstrapRequest", ...readRare(wire.readBootstrapRequest, reader, end) };
    case FrameType.bootstrapReply:
      return { kind: "bootstrapReply", ...readRare(wire.readBootstrapReply, reader, end) };
    case FrameType.statusRequest:
      return { kind: "statusRequest", ...readRare(wire.readStatusRequest, reader, end) };
    case FrameType.statusReply:
      return { kind: "statusReply", ...readRare(wire.readStatusReply, reader, end) };
    default:
      return null;
  }
}

function writeForward(message: Forward, writer: PbfWriter): void {
  if (message.request !== 0) writer.writeVarintField(1, message.request);
  if (message.shard !== 0) writer.writeVarintField(2, message.shard);
  if (message.session !== 0) writer.writeVarintField(3, message.session);
  if (message.sequence !== 0) writer.writeVarintField(4, message.sequence);
  if (message.acknowledged !== 0) writer.writeVarintField(5, message.acknowledged);
  if (message.protocol !== 0) writer.writeVarintField(6, message.protocol);
  if (message.database !== 0) writer.writeVarintField(7, message.database);
  if (message.hops !== 0) writer.writeVarintField(8, message.hops);
  writer.writeBytesField(15, message.operation);
}

function readForward(reader: ProtoReader, end: number): Forward {
  let request = 0;
  let shard = 0;
  let session = 0;
  let sequence = 0;
  let acknowledged = 0;
  let protocol = 0;
  let database = 0;
  let hops = 0;
  let operation = NO_BYTES;
  for (let field = reader.field(end); field !== 0; field = reader.field(end)) {
    if (field === 1) request = reader.safe();
    else if (field === 2) shard = reader.safe();
    else if (field === 3) session = reader.safe();
    else if (field === 4) sequence = reader.safe();
    else if (field === 5) acknowledged = reader.safe();
    else if (field === 6) protocol = reader.safe();
    else if (field === 7) database = reader.safe();
    else if (field === 8) hops = reader.safe();
    else if (field === 15) operation = reader.view(end);
  }
  return {
    kind: "forward",
    request,
    shard,
    session,
    sequence,
    acknowledged,
    protocol,
    database,
    hops,
    operation,
  };
}

function writeForwardReply(message: ForwardReply, writer: PbfWriter): void {
  if (message.request !== 0) writer.writeVarintField(1, message.request);
  if (message.outcome !== 0) writer.writeVarintField(2, message.outcome);
  if (message.leader !== 0) writer.writeVarintField(3, message.leader);
  writer.writeBytesField(15, message.reply);
}

function readForwardReply(reader: ProtoReader, end: number): ForwardReply {
  let request = 0;
  let outcome = 0;
  let leader = 0;
  let reply = NO_BYTES;
  for (let field = reader.field(end); field !== 0; field = reader.field(end)) {
    if (field === 1) request = reader.safe();
    else if (field === 2) outcome = reader.safe();
    else if (field === 3) leader = reader.safe();
    else if (field === 15) reply = reader.view(end);
  }
  return { kind: "forwardReply", request, outcome, leader, reply };
}

function writeSnapshotChunk(message: SnapshotChunk, writer: PbfWriter): void {
  if (message.shard !== 0) writer.writeVarintField(1, message.shard);
  if (message.stream !== 0) writer.writeVarintField(2, message.stream);
  if (message.sequence !== 0) writer.writeVarintField(3, message.sequence);
  if (message.term !== 0) writer.writeVarintField(4, message.term);
  if (message.last) writer.writeVarintField(5, 1);
  if (message.mark !== null) writer.writeMessage(6, wire.writeSnapshotMark, message.mark);
  if (message.totalBytes !== 0) writer.writeVarintField(7, message.totalBytes);
  writer.writeBytesField(15, message.data);
}

function readSnapshotChunk(reader: ProtoReader, end: number): SnapshotChunk {
  let shard = 0;
  let stream = 0;
  let sequence = 0;
  let term = 0;
  let last = false;
  let mark: SnapshotChunk["mark"] = null;
  let totalBytes = 0;
  let data = NO_BYTES;
  for (let field = reader.field(end); field !== 0; field = reader.field(end)) {
    if (field === 1) shard = reader.safe();
    else if (field === 2) stream = reader.safe();
    else if (field === 3) sequence = reader.safe();
    else if (field === 4) term = reader.safe();
    else if (field === 5) last = reader.flag();
    else if (field === 6) mark = readMark(reader, reader.valueEnd(end));
    else if (field === 7) totalBytes = reader.safe();
    else if (field === 15) data = reader.view(end);
  }
  return { kind: "snapshotChunk", shard, stream, sequence, term, last, mark, totalBytes, data };
}

function writeRare(message: RareMessage, writer: PbfWriter): void {
  switch (message.kind) {
    case "snapshotStatus":
      return wire.writeSnapshotStatus(message, writer);
    case "nodeHeartbeat":
      return wire.writeNodeHeartbeat(message, writer);
    case "joinRequest":
      return wire.writeJoinRequest(message, writer);
    case "joinReply":
      return wire.writeJoinReply(message, writer);
    case "bootstrapRequest":
      return wire.writeBootstrapRequest(message, writer);
    case "bootstrapReply":
      return wire.writeBootstrapReply(message, writer);
    case "statusRequest":
      return wire.writeStatusRequest(message, writer);
    case "statusReply":
      return wire.writeStatusReply(message, writer);
    default:
      return message satisfies never;
  }
}

/** The generated readers trust lengths and numbers: what they made is checked afterwards. */
function readRare<T>(
  read: (pbf: PbfReader, end: number) => T,
  reader: ProtoReader,
  end: number,
): T {
  const message = read(reader, end);
  if (reader.pos !== end) throw new MalformedMessage("a field passes its message's end");
  checkNumbers(message);
  return message;
}

function checkNumbers(value: unknown): void {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new MalformedMessage("a number of 2^53 or more");
  } else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    for (const part of Object.values(value)) checkNumbers(part);
  }
}

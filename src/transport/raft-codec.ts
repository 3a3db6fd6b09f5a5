// Raft's messages as protobuf: by hand on pbf's writer and reader, byte for byte what the generated
// code makes (a test compares them), without moving entry bytes twice. Why: peer-format.md.
import type { PbfWriter } from "pbf";
import { invariant } from "../base/invariant.ts";
import { readSnapshotMark, writeSnapshotMark } from "./generated/messages.ts";
import type { NodeId, RaftEntry, RaftMessage, ShardId, SnapshotMark } from "./peer-message.ts";
import { MalformedMessage, type ProtoReader } from "./proto-reader.ts";

/** Entries in one message; a bound on objects that a peer can make this node allocate. */
export const RAFT_ENTRIES_MAX: number = 1 << 20;

const MESSAGE_TYPE_MAX = 12;
const ENTRY_TYPE_MAX = 2;
const SCALARS_BYTES_MAX = 11 * 10;
const ENTRY_HEADER_BYTES_MAX = 32;
const MARK_BYTES_MAX = 64;
/** Fields 1 to 11 are numbers. */
const SCALAR_FIELD_MAX = 11;
const SNAPSHOT_FIELD = 12;
const ENTRIES_FIELD = 15;
const ENTRIES_TAG = (ENTRIES_FIELD << 3) | 2;
const NO_BYTES: Uint8Array = new Uint8Array(0);
const NO_ENTRIES: readonly RaftEntry[] = [];

/** An upper bound of the encoded length. */
export function raftMessageBytesMax(message: RaftMessage): number {
  let bytes = SCALARS_BYTES_MAX;
  const entries = message.entries;
  for (let at = 0; at < entries.length; at++) {
    bytes += entries[at]!.data.length + ENTRY_HEADER_BYTES_MAX;
  }
  return message.snapshot === null ? bytes : bytes + snapshotMarkBytesMax(message.snapshot);
}

/** An upper bound of the encoded length, with its tag. */
export function snapshotMarkBytesMax(mark: SnapshotMark): number {
  const { voters, votersOutgoing, learners, learnersNext } = mark.conf;
  const ids = voters.length + votersOutgoing.length + learners.length + learnersNext.length;
  return MARK_BYTES_MAX + 10 * ids;
}

/** Writes a message; `from` and `to` are the connection's and are not written. */
export function writeRaftMessage(shard: ShardId, message: RaftMessage, writer: PbfWriter): void {
  const entries = message.entries;
  invariant(entries.length <= RAFT_ENTRIES_MAX, "a message holds at most 2^20 entries");
  if (shard !== 0) writer.writeVarintField(1, shard);
  writer.writeVarintField(2, message.type);
  if (message.term !== 0) writer.writeVarintField(3, message.term);
  if (message.logTerm !== 0) writer.writeVarintField(4, message.logTerm);
  if (message.index !== 0) writer.writeVarintField(5, message.index);
  if (message.commit !== 0) writer.writeVarintField(6, message.commit);
  if (message.round !== 0) writer.writeVarintField(7, message.round);
  if (message.reject) writer.writeVarintField(8, 1);
  if (message.rejectHint !== 0) writer.writeVarintField(9, message.rejectHint);
  if (message.rejectHintTerm !== 0) writer.writeVarintField(10, message.rejectHintTerm);
  if (message.context !== 0) writer.writeVarintField(11, message.context);
  if (message.snapshot !== null) writer.writeMessage(12, writeSnapshotMark, message.snapshot);
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    invariant(entry.index === message.index + 1 + at, "entries follow the message's index");
    writeEntry(entry, writer);
  }
}

function writeEntry(entry: RaftEntry, writer: PbfWriter): void {
  const { term, type, data } = entry;
  const termBytes = term === 0 ? 0 : 1 + varintBytes(term);
  const typeBytes = type === 0 ? 0 : 2;
  writer.writeVarint(ENTRIES_TAG);
  writer.writeVarint(termBytes + typeBytes + 1 + varintBytes(data.length) + data.length);
  if (term !== 0) writer.writeVarintField(1, term);
  if (type !== 0) writer.writeVarintField(2, type);
  writer.writeBytesField(3, data);
}

/** Length of a number as a varint. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let bound = 0x80; value >= bound; bound *= 0x80) bytes++;
  return bytes;
}

/** Reads messages; one object serves all connections, since reading never waits. */
export class RaftMessageReader {
  /** Shard of the message that was read last. */
  shard: ShardId = 0;
  /** Numbers of the message being read, by field number. */
  readonly #fields: Float64Array = new Float64Array(SCALAR_FIELD_MAX + 1);

  /**
   * Reads the message at which `reader` is aimed, up to `end`.
   *
   * @param from The node at the other end of the connection, and `to`, this node: they are proved,
   * not sent.
   * @returns The message; the data of its entries are views of the reader's buffer.
   * @throws MalformedMessage, or pbf's own errors.
   */
  read(reader: ProtoReader, end: number, from: NodeId, to: NodeId): RaftMessage {
    const fields = this.#fields.fill(0);
    let snapshot: SnapshotMark | null = null;
    let entries: RaftEntry[] | null = null;
    for (let field = reader.field(end); field !== 0; field = reader.field(end)) {
      if (field <= SCALAR_FIELD_MAX) {
        fields[field] = reader.safe();
      } else if (field === SNAPSHOT_FIELD) {
        snapshot = readMark(reader, reader.valueEnd(end));
      } else if (field === ENTRIES_FIELD) {
        entries ??= [];
        if (entries.length === RAFT_ENTRIES_MAX) throw new MalformedMessage("too many entries");
        // All scalar fields come first: the index before the entries is known.
        entries.push(readEntry(reader, reader.valueEnd(end), fields[5]! + 1 + entries.length));
      }
    }
    const type = fields[2]!;
    const index = fields[5]!;
    if (type < 1 || type > MESSAGE_TYPE_MAX) throw new MalformedMessage("unknown message type");
    if (entries !== null) checkIndexes(index, entries);
    this.shard = fields[1]!;
    return {
      // The range was checked above.
      type: type as RaftMessage["type"],
      from,
      to,
      term: fields[3]!,
      logTerm: fields[4]!,
      index,
      commit: fields[6]!,
      entries: entries ?? NO_ENTRIES,
      reject: fields[8] !== 0,
      rejectHint: fields[9]!,
      rejectHintTerm: fields[10]!,
      context: fields[11]!,
      round: fields[7]!,
      snapshot,
    };
  }
}

/** Reads a snapshot's mark that ends at `end`. */
export function readMark(reader: ProtoReader, end: number): SnapshotMark {
  const { index, term, conf } = readSnapshotMark(reader, end);
  if (reader.pos !== end || conf === undefined) throw new MalformedMessage("bad snapshot mark");
  const ids = [conf.voters, conf.votersOutgoing, conf.learners, conf.learnersNext].flat();
  if (![index, term, ...ids].every(Number.isSafeInteger)) {
    throw new MalformedMessage("a number of 2^53 or more");
  }
  return { index, term, conf };
}

function readEntry(reader: ProtoReader, end: number, index: number): RaftEntry {
  let term = 0;
  let type = 0;
  let data = NO_BYTES;
  for (let field = reader.field(end); field !== 0; field = reader.field(end)) {
    if (field === 1) term = reader.safe();
    else if (field === 2) type = reader.safe();
    else if (field === 3) data = reader.view(end);
  }
  if (type > ENTRY_TYPE_MAX) throw new MalformedMessage("unknown entry type");
  // The range was checked above.
  return { term, index, type: type as RaftEntry["type"], data };
}

function checkIndexes(index: number, entries: readonly RaftEntry[]): void {
  if (entries[0]!.index !== index + 1) throw new MalformedMessage("entries before their index");
  if (index + entries.length > Number.MAX_SAFE_INTEGER) {
    throw new MalformedMessage("an index of 2^53 or more");
  }
}

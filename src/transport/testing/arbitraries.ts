// Drawn messages for property tests.
import * as fc from "fast-check";
import type { PeerMessage, RaftEntry, RaftMessage, SnapshotMark } from "../peer-message.ts";

/** Any number that may travel, with the edges of varints. */
export const uint53: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(
    0,
    1,
    127,
    128,
    16_383,
    16_384,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
  ),
  fc.constant(Number.MAX_SAFE_INTEGER),
  fc.nat(),
  fc.maxSafeNat(),
);

const bytes = fc.uint8Array({ maxLength: 400 });
const ids = fc.array(uint53, { maxLength: 4 });

const mark: fc.Arbitrary<SnapshotMark> = fc.record({
  index: uint53,
  term: uint53,
  conf: fc.record({
    voters: ids,
    votersOutgoing: ids,
    learners: ids,
    learnersNext: ids,
    autoLeave: fc.boolean(),
  }),
});

/** A message of the core; its entries follow its index as they must. */
export function raftMessage(from: number, to: number): fc.Arbitrary<RaftMessage> {
  const entry = fc.record({
    term: uint53,
    type: fc.constantFrom<RaftEntry["type"]>(0, 1, 2),
    data: bytes,
  });
  return fc
    .record({
      from: fc.constant(from),
      to: fc.constant(to),
      type: fc.integer({ min: 1, max: 12 }) as fc.Arbitrary<RaftMessage["type"]>,
      term: uint53,
      logTerm: uint53,
      index: uint53.map((index) => Math.min(index, Number.MAX_SAFE_INTEGER - 10)),
      commit: uint53,
      entries: fc.array(entry, { maxLength: 5 }),
      reject: fc.boolean(),
      rejectHint: uint53,
      rejectHintTerm: uint53,
      context: uint53,
      round: uint53,
      snapshot: fc.option(mark),
    })
    .map((drawn) => {
      const entries = drawn.entries.map(({ term, type, data }, at) => {
        return { term, type, data, index: drawn.index + 1 + at };
      });
      return Object.assign(drawn, { entries });
    });
}

const text = fc.string({ maxLength: 40, unit: "binary" });
const address = fc.record({
  host: text,
  peerPort: fc.nat(65_535),
  clientPort: fc.nat(65_535),
  clusterPort: fc.nat(65_535),
  httpPort: fc.nat(65_535),
});
const optionalAddress = fc.option(address, { nil: undefined });
const member = fc.record({
  nodeId: uint53,
  incarnation: uint53,
  address: optionalAddress,
  zone: text,
  machine: text,
});

/** One generator per kind: a new kind without one does not compile. */
export const messagesByKind: {
  readonly [K in PeerMessage["kind"]]: fc.Arbitrary<Extract<PeerMessage, { kind: K }>>;
} = {
  snapshotChunk: fc.record({
    kind: fc.constant("snapshotChunk"),
    shard: uint53,
    stream: uint53,
    sequence: uint53,
    term: uint53,
    last: fc.boolean(),
    mark: fc.option(mark),
    totalBytes: uint53,
    data: bytes,
  }),
  snapshotStatus: fc.record({
    kind: fc.constant("snapshotStatus"),
    shard: uint53,
    stream: uint53,
    chunksTaken: uint53,
    outcome: fc.nat(2),
    detail: text,
  }),
  forward: fc.record({
    kind: fc.constant("forward"),
    request: uint53,
    shard: uint53,
    session: uint53,
    sequence: uint53,
    acknowledged: uint53,
    protocol: fc.nat(3),
    database: fc.nat(15),
    hops: fc.nat(9),
    operation: bytes,
  }),
  forwardReply: fc.record({
    kind: fc.constant("forwardReply"),
    request: uint53,
    outcome: fc.nat(3),
    leader: uint53,
    reply: bytes,
  }),
  nodeHeartbeat: fc.record({
    kind: fc.constant("nodeHeartbeat"),
    nodeId: uint53,
    incarnation: uint53,
    wallMs: uint53,
    memoryPressurePermille: fc.nat(2000),
    address: optionalAddress,
    release: text,
  }),
  joinRequest: fc.record({
    kind: fc.constant("joinRequest"),
    nodeId: uint53,
    incarnation: uint53,
    address: optionalAddress,
    zone: text,
    machine: text,
    release: text,
    token: text,
  }),
  joinReply: fc.record({
    kind: fc.constant("joinReply"),
    outcome: fc.nat(3),
    clusterId: text,
    nodeId: uint53,
    redirect: optionalAddress,
    members: fc.array(member, { maxLength: 3 }),
    detail: text,
    hashSeed: fc.array(fc.nat(0xffff_ffff), { maxLength: 3 }),
    firstVoters: ids,
  }),
  bootstrapRequest: fc.record({
    kind: fc.constant("bootstrapRequest"),
    bootstrapId: text,
    candidate: uint53,
    expect: fc.nat(9),
    address: optionalAddress,
  }),
  bootstrapReply: fc.record({
    kind: fc.constant("bootstrapReply"),
    outcome: fc.nat(4),
    bootstrapId: text,
    candidate: uint53,
    clusterId: text,
    address: optionalAddress,
    detail: text,
  }),
  statusRequest: fc.record({ kind: fc.constant("statusRequest"), withShards: fc.boolean() }),
  statusReply: fc.record({
    kind: fc.constant("statusReply"),
    clusterId: text,
    nodeId: uint53,
    incarnation: uint53,
    release: text,
    address: optionalAddress,
    ready: fc.boolean(),
    members: fc.array(member, { maxLength: 3 }),
    shards: fc.array(
      fc.record({
        shard: uint53,
        leader: uint53,
        term: uint53,
        commit: uint53,
        applied: uint53,
        firstSlot: fc.nat(16_383),
        lastSlot: fc.nat(16_383),
        voters: ids,
        learners: ids,
      }),
      { maxLength: 3 },
    ),
  }),
};

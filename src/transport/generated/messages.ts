// Generated from proto/kvorum.proto by proto/generate.ts: do not edit.
import type { PbfReader, PbfWriter } from "pbf";

/** A message while it is being read. */
type Filling<T> = {
  -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K];
};

/** `FrameType` of the schema. */
export const FrameType = {
  unused: 0,
  raftMessage: 1,
  snapshotChunk: 2,
  snapshotStatus: 3,
  forward: 4,
  forwardReply: 5,
  nodeHeartbeat: 6,
  joinRequest: 7,
  joinReply: 8,
  bootstrapRequest: 9,
  bootstrapReply: 10,
  statusRequest: 11,
  statusReply: 12,
  ping: 240,
  pong: 241,
  pieceFirst: 242,
  pieceNext: 243,
} as const;

/** `SnapshotOutcome` of the schema. */
export const SnapshotOutcome = {
  receiving: 0,
  installed: 1,
  refused: 2,
} as const;

/** `ForwardOutcome` of the schema. */
export const ForwardOutcome = {
  done: 0,
  notLeader: 1,
  uncertain: 2,
  forwardRefused: 3,
} as const;

/** `JoinOutcome` of the schema. */
export const JoinOutcome = {
  joined: 0,
  redirect: 1,
  tryLater: 2,
  joinRefused: 3,
} as const;

/** `BootstrapOutcome` of the schema. */
export const BootstrapOutcome = {
  promised: 0,
  promisedElsewhere: 1,
  hasCluster: 2,
  bootstrapRefused: 3,
  introduced: 4,
} as const;

/** `RaftMessage` of the schema. */
export interface RaftMessage {
  readonly shard: number;
  readonly type: number;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly commit: number;
  readonly round: number;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly rejectHintTerm: number;
  readonly context: number;
  readonly snapshot: SnapshotMark | undefined;
  readonly entries: readonly Entry[];
}

/** Reads a `RaftMessage`; what is missing is zero, empty or undefined. */
export function readRaftMessage(pbf: PbfReader, end?: number): RaftMessage {
  const obj: Filling<RaftMessage> = {
    shard: 0,
    type: 0,
    term: 0,
    logTerm: 0,
    index: 0,
    commit: 0,
    round: 0,
    reject: false,
    rejectHint: 0,
    rejectHintTerm: 0,
    context: 0,
    snapshot: undefined,
    entries: [],
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.shard = pbf.readVarint();
    else if (field === 2) obj.type = pbf.readVarint();
    else if (field === 3) obj.term = pbf.readVarint();
    else if (field === 4) obj.logTerm = pbf.readVarint();
    else if (field === 5) obj.index = pbf.readVarint();
    else if (field === 6) obj.commit = pbf.readVarint();
    else if (field === 7) obj.round = pbf.readVarint();
    else if (field === 8) obj.reject = pbf.readBoolean();
    else if (field === 9) obj.rejectHint = pbf.readVarint();
    else if (field === 10) obj.rejectHintTerm = pbf.readVarint();
    else if (field === 11) obj.context = pbf.readVarint();
    else if (field === 12) obj.snapshot = readSnapshotMark(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 15) obj.entries.push(readEntry(pbf, pbf.readVarint() + pbf.pos));
  }
  return obj;
}

/** Writes a `RaftMessage`, zeros and empties left out. */
export function writeRaftMessage(obj: RaftMessage, pbf: PbfWriter): void {
  if (obj.shard) pbf.writeVarintField(1, obj.shard);
  if (obj.type) pbf.writeVarintField(2, obj.type);
  if (obj.term) pbf.writeVarintField(3, obj.term);
  if (obj.logTerm) pbf.writeVarintField(4, obj.logTerm);
  if (obj.index) pbf.writeVarintField(5, obj.index);
  if (obj.commit) pbf.writeVarintField(6, obj.commit);
  if (obj.round) pbf.writeVarintField(7, obj.round);
  if (obj.reject) pbf.writeBooleanField(8, obj.reject);
  if (obj.rejectHint) pbf.writeVarintField(9, obj.rejectHint);
  if (obj.rejectHintTerm) pbf.writeVarintField(10, obj.rejectHintTerm);
  if (obj.context) pbf.writeVarintField(11, obj.context);
  if (obj.snapshot) pbf.writeMessage(12, writeSnapshotMark, obj.snapshot);
  if (obj.entries) for (const item of obj.entries) pbf.writeMessage(15, writeEntry, item);
}

/** `Entry` of the schema. */
export interface Entry {
  readonly term: number;
  readonly type: number;
  readonly data: Uint8Array | undefined;
}

/** Reads a `Entry`; what is missing is zero, empty or undefined. */
export function readEntry(pbf: PbfReader, end?: number): Entry {
  const obj: Filling<Entry> = {
    term: 0,
    type: 0,
    data: undefined,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.term = pbf.readVarint();
    else if (field === 2) obj.type = pbf.readVarint();
    else if (field === 3) obj.data = pbf.readBytes();
  }
  return obj;
}

/** Writes a `Entry`, zeros and empties left out. */
export function writeEntry(obj: Entry, pbf: PbfWriter): void {
  if (obj.term) pbf.writeVarintField(1, obj.term);
  if (obj.type) pbf.writeVarintField(2, obj.type);
  if (obj.data != null) pbf.writeBytesField(3, obj.data);
}

/** `SnapshotMark` of the schema. */
export interface SnapshotMark {
  readonly index: number;
  readonly term: number;
  readonly conf: ConfState | undefined;
}

/** Reads a `SnapshotMark`; what is missing is zero, empty or undefined. */
export function readSnapshotMark(pbf: PbfReader, end?: number): SnapshotMark {
  const obj: Filling<SnapshotMark> = {
    index: 0,
    term: 0,
    conf: undefined,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.index = pbf.readVarint();
    else if (field === 2) obj.term = pbf.readVarint();
    else if (field === 3) obj.conf = readConfState(pbf, pbf.readVarint() + pbf.pos);
  }
  return obj;
}

/** Writes a `SnapshotMark`, zeros and empties left out. */
export function writeSnapshotMark(obj: SnapshotMark, pbf: PbfWriter): void {
  if (obj.index) pbf.writeVarintField(1, obj.index);
  if (obj.term) pbf.writeVarintField(2, obj.term);
  if (obj.conf) pbf.writeMessage(3, writeConfState, obj.conf);
}

/** `ConfState` of the schema. */
export interface ConfState {
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  readonly learnersNext: readonly number[];
  readonly autoLeave: boolean;
}

/** Reads a `ConfState`; what is missing is zero, empty or undefined. */
export function readConfState(pbf: PbfReader, end?: number): ConfState {
  const obj: Filling<ConfState> = {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) pbf.readPackedVarint(obj.voters);
    else if (field === 2) pbf.readPackedVarint(obj.votersOutgoing);
    else if (field === 3) pbf.readPackedVarint(obj.learners);
    else if (field === 4) pbf.readPackedVarint(obj.learnersNext);
    else if (field === 5) obj.autoLeave = pbf.readBoolean();
  }
  return obj;
}

/** Writes a `ConfState`, zeros and empties left out. */
export function writeConfState(obj: ConfState, pbf: PbfWriter): void {
  if (obj.voters) pbf.writePackedVarint(1, obj.voters as number[]);
  if (obj.votersOutgoing) pbf.writePackedVarint(2, obj.votersOutgoing as number[]);
  if (obj.learners) pbf.writePackedVarint(3, obj.learners as number[]);
  if (obj.learnersNext) pbf.writePackedVarint(4, obj.learnersNext as number[]);
  if (obj.autoLeave) pbf.writeBooleanField(5, obj.autoLeave);
}

/** `SnapshotChunk` of the schema. */
export interface SnapshotChunk {
  readonly shard: number;
  readonly stream: number;
  readonly sequence: number;
  readonly term: number;
  readonly last: boolean;
  readonly mark: SnapshotMark | undefined;
  readonly totalBytes: number;
  readonly data: Uint8Array | undefined;
}

/** Reads a `SnapshotChunk`; what is missing is zero, empty or undefined. */
export function readSnapshotChunk(pbf: PbfReader, end?: number): SnapshotChunk {
  const obj: Filling<SnapshotChunk> = {
    shard: 0,
    stream: 0,
    sequence: 0,
    term: 0,
    last: false,
    mark: undefined,
    totalBytes: 0,
    data: undefined,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.shard = pbf.readVarint();
    else if (field === 2) obj.stream = pbf.readVarint();
    else if (field === 3) obj.sequence = pbf.readVarint();
    else if (field === 4) obj.term = pbf.readVarint();
    else if (field === 5) obj.last = pbf.readBoolean();
    else if (field === 6) obj.mark = readSnapshotMark(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 7) obj.totalBytes = pbf.readVarint();
    else if (field === 15) obj.data = pbf.readBytes();
  }
  return obj;
}

/** Writes a `SnapshotChunk`, zeros and empties left out. */
export function writeSnapshotChunk(obj: SnapshotChunk, pbf: PbfWriter): void {
  if (obj.shard) pbf.writeVarintField(1, obj.shard);
  if (obj.stream) pbf.writeVarintField(2, obj.stream);
  if (obj.sequence) pbf.writeVarintField(3, obj.sequence);
  if (obj.term) pbf.writeVarintField(4, obj.term);
  if (obj.last) pbf.writeBooleanField(5, obj.last);
  if (obj.mark) pbf.writeMessage(6, writeSnapshotMark, obj.mark);
  if (obj.totalBytes) pbf.writeVarintField(7, obj.totalBytes);
  if (obj.data != null) pbf.writeBytesField(15, obj.data);
}

/** `SnapshotStatus` of the schema. */
export interface SnapshotStatus {
  readonly shard: number;
  readonly stream: number;
  readonly chunksTaken: number;
  readonly outcome: number;
  readonly detail: string;
}

/** Reads a `SnapshotStatus`; what is missing is zero, empty or undefined. */
export function readSnapshotStatus(pbf: PbfReader, end?: number): SnapshotStatus {
  const obj: Filling<SnapshotStatus> = {
    shard: 0,
    stream: 0,
    chunksTaken: 0,
    outcome: 0,
    detail: "",
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.shard = pbf.readVarint();
    else if (field === 2) obj.stream = pbf.readVarint();
    else if (field === 3) obj.chunksTaken = pbf.readVarint();
    else if (field === 4) obj.outcome = pbf.readVarint();
    else if (field === 5) obj.detail = pbf.readString();
  }
  return obj;
}

/** Writes a `SnapshotStatus`, zeros and empties left out. */
export function writeSnapshotStatus(obj: SnapshotStatus, pbf: PbfWriter): void {
  if (obj.shard) pbf.writeVarintField(1, obj.shard);
  if (obj.stream) pbf.writeVarintField(2, obj.stream);
  if (obj.chunksTaken) pbf.writeVarintField(3, obj.chunksTaken);
  if (obj.outcome) pbf.writeVarintField(4, obj.outcome);
  if (obj.detail) pbf.writeStringField(5, obj.detail);
}

/** `Forward` of the schema. */
export interface Forward {
  readonly request: number;
  readonly shard: number;
  readonly session: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly protocol: number;
  readonly database: number;
  readonly hops: number;
  readonly operation: Uint8Array | undefined;
}

/** Reads a `Forward`; what is missing is zero, empty or undefined. */
export function readForward(pbf: PbfReader, end?: number): Forward {
  const obj: Filling<Forward> = {
    request: 0,
    shard: 0,
    session: 0,
    sequence: 0,
    acknowledged: 0,
    protocol: 0,
    database: 0,
    hops: 0,
    operation: undefined,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.request = pbf.readVarint();
    else if (field === 2) obj.shard = pbf.readVarint();
    else if (field === 3) obj.session = pbf.readVarint();
    else if (field === 4) obj.sequence = pbf.readVarint();
    else if (field === 5) obj.acknowledged = pbf.readVarint();
    else if (field === 6) obj.protocol = pbf.readVarint();
    else if (field === 7) obj.database = pbf.readVarint();
    else if (field === 8) obj.hops = pbf.readVarint();
    else if (field === 15) obj.operation = pbf.readBytes();
  }
  return obj;
}

/** Writes a `Forward`, zeros and empties left out. */
export function writeForward(obj: Forward, pbf: PbfWriter): void {
  if (obj.request) pbf.writeVarintField(1, obj.request);
  if (obj.shard) pbf.writeVarintField(2, obj.shard);
  if (obj.session) pbf.writeVarintField(3, obj.session);
  if (obj.sequence) pbf.writeVarintField(4, obj.sequence);
  if (obj.acknowledged) pbf.writeVarintField(5, obj.acknowledged);
  if (obj.protocol) pbf.writeVarintField(6, obj.protocol);
  if (obj.database) pbf.writeVarintField(7, obj.database);
  if (obj.hops) pbf.writeVarintField(8, obj.hops);
  if (obj.operation != null) pbf.writeBytesField(15, obj.operation);
}

/** `ForwardReply` of the schema. */
export interface ForwardReply {
  readonly request: number;
  readonly outcome: number;
  readonly leader: number;
  readonly reply: Uint8Array | undefined;
}

/** Reads a `ForwardReply`; what is missing is zero, empty or undefined. */
export function readForwardReply(pbf: PbfReader, end?: number): ForwardReply {
  const obj: Filling<ForwardReply> = {
    request: 0,
    outcome: 0,
    leader: 0,
    reply: undefined,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.request = pbf.readVarint();
    else if (field === 2) obj.outcome = pbf.readVarint();
    else if (field === 3) obj.leader = pbf.readVarint();
    else if (field === 15) obj.reply = pbf.readBytes();
  }
  return obj;
}

/** Writes a `ForwardReply`, zeros and empties left out. */
export function writeForwardReply(obj: ForwardReply, pbf: PbfWriter): void {
  if (obj.request) pbf.writeVarintField(1, obj.request);
  if (obj.outcome) pbf.writeVarintField(2, obj.outcome);
  if (obj.leader) pbf.writeVarintField(3, obj.leader);
  if (obj.reply != null) pbf.writeBytesField(15, obj.reply);
}

/** `NodeAddress` of the schema. */
export interface NodeAddress {
  readonly host: string;
  readonly peerPort: number;
  readonly clientPort: number;
  readonly clusterPort: number;
  readonly httpPort: number;
}

/** Reads a `NodeAddress`; what is missing is zero, empty or undefined. */
export function readNodeAddress(pbf: PbfReader, end?: number): NodeAddress {
  const obj: Filling<NodeAddress> = {
    host: "",
    peerPort: 0,
    clientPort: 0,
    clusterPort: 0,
    httpPort: 0,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.host = pbf.readString();
    else if (field === 2) obj.peerPort = pbf.readVarint();
    else if (field === 3) obj.clientPort = pbf.readVarint();
    else if (field === 4) obj.clusterPort = pbf.readVarint();
    else if (field === 5) obj.httpPort = pbf.readVarint();
  }
  return obj;
}

/** Writes a `NodeAddress`, zeros and empties left out. */
export function writeNodeAddress(obj: NodeAddress, pbf: PbfWriter): void {
  if (obj.host) pbf.writeStringField(1, obj.host);
  if (obj.peerPort) pbf.writeVarintField(2, obj.peerPort);
  if (obj.clientPort) pbf.writeVarintField(3, obj.clientPort);
  if (obj.clusterPort) pbf.writeVarintField(4, obj.clusterPort);
  if (obj.httpPort) pbf.writeVarintField(5, obj.httpPort);
}

/** `NodeHeartbeat` of the schema. */
export interface NodeHeartbeat {
  readonly nodeId: number;
  readonly incarnation: number;
  readonly wallMs: number;
  readonly memoryPressurePermille: number;
  readonly address: NodeAddress | undefined;
  readonly release: string;
}

/** Reads a `NodeHeartbeat`; what is missing is zero, empty or undefined. */
export function readNodeHeartbeat(pbf: PbfReader, end?: number): NodeHeartbeat {
  const obj: Filling<NodeHeartbeat> = {
    nodeId: 0,
    incarnation: 0,
    wallMs: 0,
    memoryPressurePermille: 0,
    address: undefined,
    release: "",
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.nodeId = pbf.readVarint();
    else if (field === 2) obj.incarnation = pbf.readVarint();
    else if (field === 3) obj.wallMs = pbf.readVarint();
    else if (field === 4) obj.memoryPressurePermille = pbf.readVarint();
    else if (field === 5) obj.address = readNodeAddress(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 6) obj.release = pbf.readString();
  }
  return obj;
}

/** Writes a `NodeHeartbeat`, zeros and empties left out. */
export function writeNodeHeartbeat(obj: NodeHeartbeat, pbf: PbfWriter): void {
  if (obj.nodeId) pbf.writeVarintField(1, obj.nodeId);
  if (obj.incarnation) pbf.writeVarintField(2, obj.incarnation);
  if (obj.wallMs) pbf.writeVarintField(3, obj.wallMs);
  if (obj.memoryPressurePermille) pbf.writeVarintField(4, obj.memoryPressurePermille);
  if (obj.address) pbf.writeMessage(5, writeNodeAddress, obj.address);
  if (obj.release) pbf.writeStringField(6, obj.release);
}

/** `Member` of the schema. */
export interface Member {
  readonly nodeId: number;
  readonly incarnation: number;
  readonly address: NodeAddress | undefined;
  readonly zone: string;
  readonly machine: string;
}

/** Reads a `Member`; what is missing is zero, empty or undefined. */
export function readMember(pbf: PbfReader, end?: number): Member {
  const obj: Filling<Member> = {
    nodeId: 0,
    incarnation: 0,
    address: undefined,
    zone: "",
    machine: "",
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.nodeId = pbf.readVarint();
    else if (field === 2) obj.incarnation = pbf.readVarint();
    else if (field === 3) obj.address = readNodeAddress(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 4) obj.zone = pbf.readString();
    else if (field === 5) obj.machine = pbf.readString();
  }
  return obj;
}

/** Writes a `Member`, zeros and empties left out. */
export function writeMember(obj: Member, pbf: PbfWriter): void {
  if (obj.nodeId) pbf.writeVarintField(1, obj.nodeId);
  if (obj.incarnation) pbf.writeVarintField(2, obj.incarnation);
  if (obj.address) pbf.writeMessage(3, writeNodeAddress, obj.address);
  if (obj.zone) pbf.writeStringField(4, obj.zone);
  if (obj.machine) pbf.writeStringField(5, obj.machine);
}

/** `JoinRequest` of the schema. */
export interface JoinRequest {
  readonly nodeId: number;
  readonly incarnation: number;
  readonly address: NodeAddress | undefined;
  readonly zone: string;
  readonly machine: string;
  readonly release: string;
  readonly token: string;
}

/** Reads a `JoinRequest`; what is missing is zero, empty or undefined. */
export function readJoinRequest(pbf: PbfReader, end?: number): JoinRequest {
  const obj: Filling<JoinRequest> = {
    nodeId: 0,
    incarnation: 0,
    address: undefined,
    zone: "",
    machine: "",
    release: "",
    token: "",
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.nodeId = pbf.readVarint();
    else if (field === 2) obj.incarnation = pbf.readVarint();
    else if (field === 3) obj.address = readNodeAddress(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 4) obj.zone = pbf.readString();
    else if (field === 5) obj.machine = pbf.readString();
    else if (field === 6) obj.release = pbf.readString();
    else if (field === 7) obj.token = pbf.readString();
  }
  return obj;
}

/** Writes a `JoinRequest`, zeros and empties left out. */
export function writeJoinRequest(obj: JoinRequest, pbf: PbfWriter): void {
  if (obj.nodeId) pbf.writeVarintField(1, obj.nodeId);
  if (obj.incarnation) pbf.writeVarintField(2, obj.incarnation);
  if (obj.address) pbf.writeMessage(3, writeNodeAddress, obj.address);
  if (obj.zone) pbf.writeStringField(4, obj.zone);
  if (obj.machine) pbf.writeStringField(5, obj.machine);
  if (obj.release) pbf.writeStringField(6, obj.release);
  if (obj.token) pbf.writeStringField(7, obj.token);
}

/** `JoinReply` of the schema. */
export interface JoinReply {
  readonly outcome: number;
  readonly clusterId: string;
  readonly nodeId: number;
  readonly redirect: NodeAddress | undefined;
  readonly members: readonly Member[];
  readonly detail: string;
  readonly hashSeed: readonly number[];
  readonly firstVoters: readonly number[];
}

/** Reads a `JoinReply`; what is missing is zero, empty or undefined. */
export function readJoinReply(pbf: PbfReader, end?: number): JoinReply {
  const obj: Filling<JoinReply> = {
    outcome: 0,
    clusterId: "",
    nodeId: 0,
    redirect: undefined,
    members: [],
    detail: "",
    hashSeed: [],
    firstVoters: [],
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.outcome = pbf.readVarint();
    else if (field === 2) obj.clusterId = pbf.readString();
    else if (field === 3) obj.nodeId = pbf.readVarint();
    else if (field === 4) obj.redirect = readNodeAddress(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 5) obj.members.push(readMember(pbf, pbf.readVarint() + pbf.pos));
    else if (field === 6) obj.detail = pbf.readString();
    else if (field === 7) pbf.readPackedVarint(obj.hashSeed);
    else if (field === 8) pbf.readPackedVarint(obj.firstVoters);
  }
  return obj;
}

/** Writes a `JoinReply`, zeros and empties left out. */
export function writeJoinReply(obj: JoinReply, pbf: PbfWriter): void {
  if (obj.outcome) pbf.writeVarintField(1, obj.outcome);
  if (obj.clusterId) pbf.writeStringField(2, obj.clusterId);
  if (obj.nodeId) pbf.writeVarintField(3, obj.nodeId);
  if (obj.redirect) pbf.writeMessage(4, writeNodeAddress, obj.redirect);
  if (obj.members) for (const item of obj.members) pbf.writeMessage(5, writeMember, item);
  if (obj.detail) pbf.writeStringField(6, obj.detail);
  if (obj.hashSeed) pbf.writePackedVarint(7, obj.hashSeed as number[]);
  if (obj.firstVoters) pbf.writePackedVarint(8, obj.firstVoters as number[]);
}

/** `BootstrapRequest` of the schema. */
export interface BootstrapRequest {
  readonly bootstrapId: string;
  readonly candidate: number;
  readonly expect: number;
  readonly address: NodeAddress | undefined;
}

/** Reads a `BootstrapRequest`; what is missing is zero, empty or undefined. */
export function readBootstrapRequest(pbf: PbfReader, end?: number): BootstrapRequest {
  const obj: Filling<BootstrapRequest> = {
    bootstrapId: "",
    candidate: 0,
    expect: 0,
    address: undefined,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.bootstrapId = pbf.readString();
    else if (field === 2) obj.candidate = pbf.readVarint();
    else if (field === 3) obj.expect = pbf.readVarint();
    else if (field === 4) obj.address = readNodeAddress(pbf, pbf.readVarint() + pbf.pos);
  }
  return obj;
}

/** Writes a `BootstrapRequest`, zeros and empties left out. */
export function writeBootstrapRequest(obj: BootstrapRequest, pbf: PbfWriter): void {
  if (obj.bootstrapId) pbf.writeStringField(1, obj.bootstrapId);
  if (obj.candidate) pbf.writeVarintField(2, obj.candidate);
  if (obj.expect) pbf.writeVarintField(3, obj.expect);
  if (obj.address) pbf.writeMessage(4, writeNodeAddress, obj.address);
}

/** `BootstrapReply` of the schema. */
export interface BootstrapReply {
  readonly outcome: number;
  readonly bootstrapId: string;
  readonly candidate: number;
  readonly clusterId: string;
  readonly address: NodeAddress | undefined;
  readonly detail: string;
}

/** Reads a `BootstrapReply`; what is missing is zero, empty or undefined. */
export function readBootstrapReply(pbf: PbfReader, end?: number): BootstrapReply {
  const obj: Filling<BootstrapReply> = {
    outcome: 0,
    bootstrapId: "",
    candidate: 0,
    clusterId: "",
    address: undefined,
    detail: "",
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.outcome = pbf.readVarint();
    else if (field === 2) obj.bootstrapId = pbf.readString();
    else if (field === 3) obj.candidate = pbf.readVarint();
    else if (field === 4) obj.clusterId = pbf.readString();
    else if (field === 5) obj.address = readNodeAddress(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 6) obj.detail = pbf.readString();
  }
  return obj;
}

/** Writes a `BootstrapReply`, zeros and empties left out. */
export function writeBootstrapReply(obj: BootstrapReply, pbf: PbfWriter): void {
  if (obj.outcome) pbf.writeVarintField(1, obj.outcome);
  if (obj.bootstrapId) pbf.writeStringField(2, obj.bootstrapId);
  if (obj.candidate) pbf.writeVarintField(3, obj.candidate);
  if (obj.clusterId) pbf.writeStringField(4, obj.clusterId);
  if (obj.address) pbf.writeMessage(5, writeNodeAddress, obj.address);
  if (obj.detail) pbf.writeStringField(6, obj.detail);
}

/** `StatusRequest` of the schema. */
export interface StatusRequest {
  readonly withShards: boolean;
}

/** Reads a `StatusRequest`; what is missing is zero, empty or undefined. */
export function readStatusRequest(pbf: PbfReader, end?: number): StatusRequest {
  const obj: Filling<StatusRequest> = {
    withShards: false,
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.withShards = pbf.readBoolean();
  }
  return obj;
}

/** Writes a `StatusRequest`, zeros and empties left out. */
export function writeStatusRequest(obj: StatusRequest, pbf: PbfWriter): void {
  if (obj.withShards) pbf.writeBooleanField(1, obj.withShards);
}

/** `StatusReply` of the schema. */
export interface StatusReply {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly incarnation: number;
  readonly release: string;
  readonly address: NodeAddress | undefined;
  readonly ready: boolean;
  readonly members: readonly Member[];
  readonly shards: readonly ShardStatus[];
}

/** Reads a `StatusReply`; what is missing is zero, empty or undefined. */
export function readStatusReply(pbf: PbfReader, end?: number): StatusReply {
  const obj: Filling<StatusReply> = {
    clusterId: "",
    nodeId: 0,
    incarnation: 0,
    release: "",
    address: undefined,
    ready: false,
    members: [],
    shards: [],
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.clusterId = pbf.readString();
    else if (field === 2) obj.nodeId = pbf.readVarint();
    else if (field === 3) obj.incarnation = pbf.readVarint();
    else if (field === 4) obj.release = pbf.readString();
    else if (field === 5) obj.address = readNodeAddress(pbf, pbf.readVarint() + pbf.pos);
    else if (field === 6) obj.ready = pbf.readBoolean();
    else if (field === 7) obj.members.push(readMember(pbf, pbf.readVarint() + pbf.pos));
    else if (field === 8) obj.shards.push(readShardStatus(pbf, pbf.readVarint() + pbf.pos));
  }
  return obj;
}

/** Writes a `StatusReply`, zeros and empties left out. */
export function writeStatusReply(obj: StatusReply, pbf: PbfWriter): void {
  if (obj.clusterId) pbf.writeStringField(1, obj.clusterId);
  if (obj.nodeId) pbf.writeVarintField(2, obj.nodeId);
  if (obj.incarnation) pbf.writeVarintField(3, obj.incarnation);
  if (obj.release) pbf.writeStringField(4, obj.release);
  if (obj.address) pbf.writeMessage(5, writeNodeAddress, obj.address);
  if (obj.ready) pbf.writeBooleanField(6, obj.ready);
  if (obj.members) for (const item of obj.members) pbf.writeMessage(7, writeMember, item);
  if (obj.shards) for (const item of obj.shards) pbf.writeMessage(8, writeShardStatus, item);
}

/** `ShardStatus` of the schema. */
export interface ShardStatus {
  readonly shard: number;
  readonly leader: number;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly firstSlot: number;
  readonly lastSlot: number;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
}

/** Reads a `ShardStatus`; what is missing is zero, empty or undefined. */
export function readShardStatus(pbf: PbfReader, end?: number): ShardStatus {
  const obj: Filling<ShardStatus> = {
    shard: 0,
    leader: 0,
    term: 0,
    commit: 0,
    applied: 0,
    firstSlot: 0,
    lastSlot: 0,
    voters: [],
    learners: [],
  };
  let field: number;
  while ((field = pbf.nextField(end))) {
    if (field === 1) obj.shard = pbf.readVarint();
    else if (field === 2) obj.leader = pbf.readVarint();
    else if (field === 3) obj.term = pbf.readVarint();
    else if (field === 4) obj.commit = pbf.readVarint();
    else if (field === 5) obj.applied = pbf.readVarint();
    else if (field === 6) obj.firstSlot = pbf.readVarint();
    else if (field === 7) obj.lastSlot = pbf.readVarint();
    else if (field === 8) pbf.readPackedVarint(obj.voters);
    else if (field === 9) pbf.readPackedVarint(obj.learners);
  }
  return obj;
}

/** Writes a `ShardStatus`, zeros and empties left out. */
export function writeShardStatus(obj: ShardStatus, pbf: PbfWriter): void {
  if (obj.shard) pbf.writeVarintField(1, obj.shard);
  if (obj.leader) pbf.writeVarintField(2, obj.leader);
  if (obj.term) pbf.writeVarintField(3, obj.term);
  if (obj.commit) pbf.writeVarintField(4, obj.commit);
  if (obj.applied) pbf.writeVarintField(5, obj.applied);
  if (obj.firstSlot) pbf.writeVarintField(6, obj.firstSlot);
  if (obj.lastSlot) pbf.writeVarintField(7, obj.lastSlot);
  if (obj.voters) pbf.writePackedVarint(8, obj.voters as number[]);
  if (obj.learners) pbf.writePackedVarint(9, obj.learners as number[]);
}

// The few etcd v3 messages the benchmark needs, by hand: rpc.proto of etcd 3.4, in gRPC framing.

const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const GRPC_PREFIX_BYTES = 5;

/** Paths of the gRPC methods used. */
export const etcdPaths = {
  put: "/etcdserverpb.KV/Put",
  range: "/etcdserverpb.KV/Range",
  txn: "/etcdserverpb.KV/Txn",
  status: "/etcdserverpb.Maintenance/Status",
} as const;

/** What a member says about itself. Ids are 64 bits wide. */
export interface MemberStatus {
  readonly memberId: bigint;
  /** Id of the leader it follows, 0n for none. */
  readonly leaderId: bigint;
  readonly version: string;
  readonly appliedIndex: bigint;
}

/** A framed PutRequest { key = 1, value = 2 }. */
export function putRequest(key: string, value: string): Buffer {
  return grpcFrame(putMessage(key, value));
}

/** A framed RangeRequest { key = 1 } of a single key; without `serializable` it is linearizable. */
export function getRequest(key: string): Buffer {
  return grpcFrame(bytesField(1, Buffer.from(key)));
}

/** A framed RangeRequest for the keys (no values) from `from` to below `end`, at most `limit`. */
export function keysRequest(from: string, end: string, limit: number): Buffer {
  const bounds = [bytesField(1, Buffer.from(from)), bytesField(2, Buffer.from(end))];
  return grpcFrame(Buffer.concat([...bounds, varintField(3, limit), varintField(8, 1)]));
}

/** A framed TxnRequest that puts all pairs; etcd takes at most 128 of them. */
export function putAllRequest(pairs: ReadonlyArray<readonly [string, string]>): Buffer {
  const ops = pairs.map(([key, value]) => bytesField(2, bytesField(2, putMessage(key, value))));
  return grpcFrame(Buffer.concat(ops));
}

/** A framed StatusRequest, which is empty. */
export function statusRequest(): Buffer {
  return grpcFrame(Buffer.alloc(0));
}

/** The keys in a RangeResponse { header = 1, kvs = 2 { key = 1, .. }, .. } as framed by gRPC. */
export function rangedKeys(framed: Buffer): string[] {
  return allFields(payload(framed))
    .filter(({ field }) => field === 2)
    .map(({ bytes }) => fieldBytes(bytes, 1).toString());
}

/** Reads StatusResponse { header = 1 { member_id = 2 }, version = 2, leader = 4, applied = 7 }. */
export function memberStatus(framed: Buffer): MemberStatus {
  const message = payload(framed);
  return {
    memberId: fieldNumber(fieldBytes(message, 1), 2),
    leaderId: fieldNumber(message, 4),
    version: fieldBytes(message, 2).toString(),
    appliedIndex: fieldNumber(message, 7),
  };
}

function putMessage(key: string, value: string): Buffer {
  return Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, Buffer.from(value))]);
}

/** One gRPC message: a zero byte (not compressed), its length in four bytes, its bytes. */
function grpcFrame(message: Buffer): Buffer {
  const framed = Buffer.alloc(GRPC_PREFIX_BYTES + message.length);
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, GRPC_PREFIX_BYTES);
  return framed;
}

function payload(framed: Buffer): Buffer {
  const end = GRPC_PREFIX_BYTES + framed.readUInt32BE(1);
  if (end !== framed.length) throw new RangeError("not exactly one gRPC message");
  return framed.subarray(GRPC_PREFIX_BYTES);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8 + WIRE_VARINT), varint(value)]);
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + WIRE_BYTES), varint(bytes.length), bytes]);
}

interface Field {
  readonly field: number;
  readonly number: bigint;
  readonly bytes: Buffer;
}

function allFields(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const next = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError("a protobuf message ends within a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(next());
    const isBytes = tag % 8 === WIRE_BYTES;
    if (!isBytes && tag % 8 !== WIRE_VARINT) throw new RangeError(`wire type ${tag % 8}`);
    const number = next();
    const end = at + (isBytes ? Number(number) : 0);
    fields.push({ field: Math.floor(tag / 8), number, bytes: message.subarray(at, end) });
    at = end;
  }
  return fields;
}

function fieldBytes(message: Buffer, wanted: number): Buffer {
  const found = allFields(message).findLast(({ field }) => field === wanted);
  return found?.bytes ?? Buffer.alloc(0);
}

function fieldNumber(message: Buffer, wanted: number): bigint {
  return allFields(message).findLast(({ field }) => field === wanted)?.number ?? 0n;
}

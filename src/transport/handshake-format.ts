// Byte layout of the handshake's records; drawn in docs/internals/peer-format.md. No state, no
// decisions.
import { viewOf } from "../base/bytes.ts";
import { MAC_BYTES } from "../platform/authenticator.ts";

/** The protocol this release speaks, and the oldest it still understands. */
export const PROTOCOL_VERSION = 1;
export const PROTOCOL_VERSION_MIN = 1;

export const NONCE_BYTES = 32;
export const CLUSTER_ID_BYTES_MAX = 64;
/**
 * The part of a hello that every version keeps: magic, versions, role, kind, length of the cluster
 * id.
 */
export const HELLO_PREFIX_BYTES = 16;
/** A hello without its cluster id. */
export const HELLO_HEADER_BYTES = 64;
export const HELLO_BYTES_MAX: number = HELLO_HEADER_BYTES + CLUSTER_ID_BYTES_MAX;
export const PROOF_BYTES: number = 4 + MAC_BYTES;
export const REFUSAL_BYTES = 4;
/** Everything one side may send before it is trusted. */
export const UNTRUSTED_BYTES_MAX: number = HELLO_BYTES_MAX + PROOF_BYTES;

/** `0x89 K V O R U M \n`: not text, so that no line of HTTP or RESP begins like it. */
export const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x4b, 0x56, 0x4f, 0x52, 0x55, 0x4d, 0x0a);
/** First bytes of the records after the hello; neither begins like {@link MAGIC}. */
export const PROOF_MARK = 0x01;
export const REFUSAL_MARK = 0x02;

/** Which side of a connection speaks. */
export type Role = "dialer" | "acceptor";
/** What a connection is for. */
export type LinkKind = "control" | "bulk" | "call";

/** Why a handshake failed; the list is part of the wire format. */
export type RefusalReason =
  | "version"
  | "cluster"
  | "secret"
  | "node"
  | "malformed"
  | "busy"
  | "stale"
  | "timeout"
  | "closed";

const ROLES: readonly (Role | null)[] = [null, "dialer", "acceptor"];
const KINDS: readonly (LinkKind | null)[] = [null, "control", "bulk", "call"];
const REFUSALS: readonly (RefusalReason | null)[] = [
  null,
  "version",
  "cluster",
  "secret",
  "node",
  "malformed",
  "busy",
  "stale",
];

const VERSION_AT = 8;
const VERSION_MIN_AT = 10;
const ROLE_AT = 12;
const KIND_AT = 13;
const CLUSTER_LENGTH_AT = 14;
const RESERVED_AT = 15;
const NODE_AT = 16;
const INCARNATION_AT = 24;
const NONCE_AT = 32;
const TWO_POW_32 = 2 ** 32;

/** What one side says of itself before it proves anything. */
export interface Hello {
  readonly version: number;
  readonly versionMin: number;
  readonly role: Role;
  readonly kind: LinkKind;
  /** Printable ASCII, at most {@link CLUSTER_ID_BYTES_MAX}; empty: none yet (calls only). */
  readonly clusterId: string;
  /** 0: none yet (calls only). */
  readonly nodeId: number;
  readonly incarnation: number;
  readonly nonce: Uint8Array;
}

/** The bytes of a hello. Its fields were checked when the transport was made. */
export function encodeHello(hello: Hello): Uint8Array {
  const bytes = new Uint8Array(HELLO_HEADER_BYTES + hello.clusterId.length);
  const view = viewOf(bytes);
  bytes.set(MAGIC, 0);
  view.setUint16(VERSION_AT, hello.version, true);
  view.setUint16(VERSION_MIN_AT, hello.versionMin, true);
  bytes[ROLE_AT] = ROLES.indexOf(hello.role);
  bytes[KIND_AT] = KINDS.indexOf(hello.kind);
  bytes[CLUSTER_LENGTH_AT] = hello.clusterId.length;
  writeUint64(view, NODE_AT, hello.nodeId);
  writeUint64(view, INCARNATION_AT, hello.incarnation);
  bytes.set(hello.nonce, NONCE_AT);
  for (let at = 0; at < hello.clusterId.length; at++) {
    bytes[HELLO_HEADER_BYTES + at] = hello.clusterId.charCodeAt(at);
  }
  return bytes;
}

/**
 * Length of the hello that begins with this prefix.
 *
 * @param bytes At least {@link HELLO_PREFIX_BYTES}, whose magic was checked.
 * @returns Bytes in all, or the reason to refuse it unread.
 */
export function helloLength(bytes: Uint8Array): number | "version" | "malformed" {
  const view = viewOf(bytes);
  const version = view.getUint16(VERSION_AT, true);
  const versionMin = view.getUint16(VERSION_MIN_AT, true);
  if (version < PROTOCOL_VERSION_MIN || versionMin > PROTOCOL_VERSION) return "version";
  const idLength = bytes[CLUSTER_LENGTH_AT]!;
  if (idLength > CLUSTER_ID_BYTES_MAX || bytes[RESERVED_AT] !== 0) return "malformed";
  return HELLO_HEADER_BYTES + idLength;
}

/**
 * Reads a hello of the length that {@link helloLength} told; null when a field is out of its range.
 */
export function decodeHello(bytes: Uint8Array): Hello | null {
  const view = viewOf(bytes);
  const role = ROLES[bytes[ROLE_AT]!];
  const kind = KINDS[bytes[KIND_AT]!];
  const nodeId = readUint64(view, NODE_AT);
  const incarnation = readUint64(view, INCARNATION_AT);
  if (!role || !kind) return null;
  if (nodeId > Number.MAX_SAFE_INTEGER || incarnation > Number.MAX_SAFE_INTEGER) return null;
  const idBytes = bytes.subarray(HELLO_HEADER_BYTES);
  if (!isPrintable(idBytes)) return null;
  return {
    version: view.getUint16(VERSION_AT, true),
    versionMin: view.getUint16(VERSION_MIN_AT, true),
    role,
    kind,
    clusterId: String.fromCharCode(...idBytes),
    nodeId,
    incarnation,
    nonce: bytes.slice(NONCE_AT, HELLO_HEADER_BYTES),
  };
}

/**
 * Whether a cluster id may be used: printable ASCII, at most {@link CLUSTER_ID_BYTES_MAX}
 * characters.
 */
export function isClusterId(id: string): boolean {
  if (id.length > CLUSTER_ID_BYTES_MAX) return false;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return true;
}

/** The record that carries a message authentication code. */
export function encodeProof(mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PROOF_BYTES);
  bytes[0] = PROOF_MARK;
  bytes.set(mac, PROOF_BYTES - MAC_BYTES);
  return bytes;
}

/** The code in a proof whose mark was checked; null when its reserved bytes are not zero. */
export function decodeProof(bytes: Uint8Array): Uint8Array | null {
  return bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0
    ? bytes.subarray(PROOF_BYTES - MAC_BYTES)
    : null;
}

/** The record that tells the other side why it was refused. */
export function encodeRefusal(reason: RefusalReason): Uint8Array {
  const bytes = new Uint8Array(REFUSAL_BYTES);
  bytes[0] = REFUSAL_MARK;
  bytes[1] = Math.max(REFUSALS.indexOf(reason), 0);
  return bytes;
}

/** Reads a refusal; a code this release does not know is "malformed". */
export function decodeRefusal(bytes: Uint8Array): RefusalReason {
  return REFUSALS[bytes[1]!] ?? "malformed";
}

function isPrintable(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte < 0x21 || byte > 0x7e) return false;
  return true;
}

function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_POW_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_POW_32), true);
}

function readUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_POW_32;
}

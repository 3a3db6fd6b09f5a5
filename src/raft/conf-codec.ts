// Bytes of a configuration entry; drawn in docs/internals/raft-config-format.md.
import { DbError } from "../base/errors.ts";
import { confFault, MEMBERS_MAX } from "./conf-change.ts";
import type { ConfState, NodeId } from "./types.ts";

const VERSION = 1;
const FLAG_AUTO_LEAVE = 1;
/** Bytes the caller may add to a configuration entry. */
export const CONF_CONTEXT_BYTES_MAX: number = 1 << 20;

/**
 * What a `config` entry says: the whole configuration in force after it, and the caller's bytes.
 */
export interface ConfRecord {
  readonly conf: ConfState;
  readonly context: Uint8Array;
}

/**
 * Encodes a configuration, as a `config` entry or to keep beside a snapshot.
 *
 * @throws DbError RAFT_CONF_INVALID when `conf` cannot occur or `context` is too long.
 */
export function encodeConf(conf: ConfState, context: Uint8Array): Uint8Array {
  const fault = confFault(conf);
  if (fault !== null) throw new DbError("RAFT_CONF_INVALID", fault);
  if (context.length > CONF_CONTEXT_BYTES_MAX) {
    throw new DbError("RAFT_CONF_INVALID", "the context is too long", { bytes: context.length });
  }
  const head = [VERSION, conf.autoLeave ? FLAG_AUTO_LEAVE : 0];
  putIds(head, conf.voters);
  putIds(head, conf.votersOutgoing);
  putIds(head, conf.learners);
  putIds(head, conf.learnersNext);
  putVarint(head, context.length);
  const bytes = new Uint8Array(head.length + context.length);
  bytes.set(head, 0);
  bytes.set(context, head.length);
  return bytes;
}

/**
 * Decodes what {@link encodeConf} wrote; the context is a view into `bytes`.
 *
 * @throws DbError RAFT_CONF_DAMAGED for anything else.
 */
export function decodeConf(bytes: Uint8Array): ConfRecord {
  const reader = new Reader(bytes);
  if (reader.byte() !== VERSION) throw damaged("unknown version", 0);
  const flags = reader.byte();
  if ((flags & ~FLAG_AUTO_LEAVE) !== 0) throw damaged("unknown flags", 1);
  const conf: ConfState = {
    voters: reader.ids(),
    votersOutgoing: reader.ids(),
    learners: reader.ids(),
    learnersNext: reader.ids(),
    autoLeave: flags === FLAG_AUTO_LEAVE,
  };
  const length = reader.varint();
  if (length > CONF_CONTEXT_BYTES_MAX || length !== bytes.length - reader.at) {
    throw damaged("the context's length does not fit", reader.at);
  }
  const fault = confFault(conf);
  if (fault !== null) throw damaged(fault, 0);
  return { conf, context: bytes.subarray(reader.at) };
}

function putIds(out: number[], ids: readonly NodeId[]): void {
  putVarint(out, ids.length);
  for (const id of ids) putVarint(out, id);
}

/** LEB128 without shifts, which would cut at 32 bits. */
function putVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw damaged("the entry ends early", this.at);
    this.at++;
    return byte;
  }

  /** At most 8 bytes, at most 2^53 - 1, in the shortest form. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 1; ; length++) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (length > 8 || value > Number.MAX_SAFE_INTEGER) throw damaged("number too large", this.at);
      if (byte < 128) {
        if (byte === 0 && length > 1) throw damaged("number not in its shortest form", this.at);
        return value;
      }
      scale *= 128;
    }
  }

  ids(): NodeId[] {
    const count = this.varint();
    if (count > MEMBERS_MAX) throw damaged("too many members", this.at);
    const ids: NodeId[] = [];
    for (let at = 0; at < count; at++) ids.push(this.varint());
    return ids;
  }
}

function damaged(reason: string, offset: number): DbError {
  return new DbError("RAFT_CONF_DAMAGED", `configuration entry: ${reason}`, { offset });
}

// From a frame's bytes to the handler: decodes strictly, and lets only bugs escape as exceptions.
import { InvariantError } from "../base/invariant.ts";
import { FrameType } from "./generated/messages.ts";
import type { CallReply, CallRequest, MemberMessage, PeerHandler } from "./handler.ts";
import type { FrameRefusal } from "./peer-connection.ts";
import { readPeerMessage } from "./peer-codec.ts";
import type { NodeId, PeerMessage, RaftMessage } from "./peer-message.ts";
import { ProtoReader } from "./proto-reader.ts";
import { RaftMessageReader } from "./raft-codec.ts";

const UNKNOWN_TYPE: FrameRefusal = { fault: "unexpected", detail: "a frame type not known here" };
const WRONG_LINK: FrameRefusal = { fault: "unexpected", detail: "a message of another connection" };

/** Decodes frames; one object serves all connections, since decoding never waits. */
export class MessageDispatcher {
  readonly #handler: PeerHandler;
  readonly #reader = new ProtoReader();
  readonly #raft = new RaftMessageReader();

  constructor(handler: PeerHandler) {
    this.#handler = handler;
  }

  /** Hands a member's message on; null when it was well-formed. */
  dispatch(
    from: NodeId,
    own: NodeId,
    type: number,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    to: number,
  ): FrameRefusal | null {
    this.#reader.aim(bytes, view, at, to);
    if (type === FrameType.raftMessage) {
      let raftMessage: RaftMessage;
      try {
        raftMessage = this.#raft.read(this.#reader, to, from, own);
      } catch (error) {
        return malformed(error);
      }
      this.#handler.onRaft(from, this.#raft.shard, raftMessage);
      return null;
    }
    const message = this.#read(type, to);
    if (!("kind" in message)) return message;
    if (!isMemberMessage(message)) return WRONG_LINK;
    this.#handler.onMessage(from, message);
    return null;
  }

  /** Reads a call's question or answer. */
  readCall(
    type: number,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    to: number,
  ): CallRequest | CallReply | FrameRefusal {
    this.#reader.aim(bytes, view, at, to);
    const message = this.#read(type, to);
    return "kind" in message && isMemberMessage(message) ? WRONG_LINK : message;
  }

  #read(type: number, to: number): PeerMessage | FrameRefusal {
    try {
      return readPeerMessage(type, this.#reader, to) ?? UNKNOWN_TYPE;
    } catch (error) {
      return malformed(error);
    }
  }
}

/** Whether a call's message asks; otherwise it answers. */
export function isCallRequest(message: CallRequest | CallReply): message is CallRequest {
  return message.kind.endsWith("Request");
}

function isMemberMessage<T extends PeerMessage>(message: T): message is T & MemberMessage {
  switch (message.kind) {
    case "joinRequest":
    case "joinReply":
    case "bootstrapRequest":
    case "bootstrapReply":
    case "statusRequest":
    case "statusReply":
      return false;
    case "forward":
    case "forwardReply":
    case "nodeHeartbeat":
    case "snapshotChunk":
    case "snapshotStatus":
      return true;
    default:
      return message satisfies never;
  }
}

/** The decoders throw on bad bytes, pbf's among them; what is no bug becomes the peer's fault. */
function malformed(error: unknown): FrameRefusal {
  if (error instanceof InvariantError || !(error instanceof Error)) throw error;
  return { fault: "malformed", detail: `a malformed message: ${error.message}` };
}

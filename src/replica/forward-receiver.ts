// The leader's side of forwarding: runs operations of other nodes' clients and answers those nodes.
import { failpoints } from "../base/failpoints.ts";
import type { ForwardAnswer } from "./forwarder.ts";
import type { Reply } from "../resp/reply.ts";
import { RespWriter } from "../resp/writer.ts";
import type { Replica } from "./replica.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** Sends an answer to the node that asked; false: there is no room for it now. */
export type SendAnswer = (to: number, request: number, answer: ForwardAnswer) => boolean;

/** An answer that waits for room. */
interface Unsent {
  readonly request: number;
  readonly answer: ForwardAnswer;
}

/** A forwarded operation as it arrived; bytes are good only during the call. */
export interface ArrivedOperation {
  readonly request: number;
  readonly session: number;
  readonly acknowledged: number;
  readonly protocol: number;
  readonly isWrite: boolean;
  readonly bytes: Uint8Array;
}

/** A client session at another node, as long as something of it runs here. */
class PeerSession implements ReplyTarget {
  readonly from: number;
  readonly sessionId: number;
  readonly protocol: number;
  acknowledged = 0;
  /** Operations that are not answered. */
  open = 0;
  readonly #owner: ForwardReceiver;

  constructor(owner: ForwardReceiver, from: number, sessionId: number, protocol: number) {
    this.#owner = owner;
    this.from = from;
    this.sessionId = sessionId;
    this.protocol = protocol;
  }

  openReply(_request: number): Reply {
    this.#owner.writer.protocol = this.protocol;
    return this.#owner.writer;
  }

  closeReply(request: number): void {
    this.rawReply(request, this.#owner.writer.take());
  }

  failReply(request: number, error: string): void {
    // Whether it ran is not known, or it will not run: the asker decides by asking again.
    const uncertain = error.startsWith("UNCERTAIN");
    if (uncertain) this.#owner.answer(this, request, { kind: "uncertain" });
    else if (error.startsWith("CLUSTERDOWN")) {
      this.#owner.answer(this, request, { kind: "notLeader" });
    } else {
      this.openReply(request).error(error);
      this.closeReply(request);
    }
  }

  rawReply(request: number, bytes: Uint8Array): void {
    this.#owner.answer(this, request, { kind: "done", reply: bytes });
  }
}

/** Takes a read of another node's client that is long; false when it is not. */
export type TakeLongRead = (bytes: Uint8Array, target: ReplyTarget, sequence: number) => boolean;

/** Takes the operations that other nodes forward to this one. */
export class ForwardReceiver {
  /** Catches replies one at a time. */
  readonly writer: RespWriter = new RespWriter(64 * 1024);
  readonly #send: SendAnswer;
  readonly #takeLongRead: TakeLongRead;
  /** By asking node and session. */
  readonly #sessions = new Map<string, PeerSession>();
  /**
   * By asking node. No more than that node has on its way: it takes nothing from its clients while
   * too much of that is not answered.
   */
  readonly #unsent = new Map<number, Unsent[]>();

  constructor(send: SendAnswer, takeLongRead: TakeLongRead) {
    this.#send = send;
    this.#takeLongRead = takeLongRead;
  }

  /**
   * Runs or submits an operation.
   *
   * @param refusal Null, or the error that refuses writes now.
   */
  onOperation(
    replica: Replica,
    from: number,
    operation: ArrivedOperation,
    refusal: string | null,
  ): void {
    const { request, isWrite, bytes } = operation;
    // A leader that does not serve yet keeps it: refused, it could be passed by what comes after
    // it.
    if (!replica.isLeader) {
      this.#sendOrKeep(from, request, { kind: "notLeader" });
      return;
    }
    failpoints.reached?.("forward.received");
    const session = this.#session(from, operation);
    session.open++;
    if (isWrite && refusal !== null) {
      session.failReply(request, refusal);
      return;
    }
    session.acknowledged = operation.acknowledged;
    // Not beside other operations of its session, which it might pass.
    if (!isWrite && session.open === 1 && this.#takeLongRead(bytes, session, request)) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    replica.submitEncoded(isWrite, bytes, view, 0, bytes.length, session, request);
  }

  /** An operation of a session is answered. */
  answer(session: PeerSession, request: number, answer: ForwardAnswer): void {
    failpoints.reached?.("forward.answered");
    this.#sendOrKeep(session.from, request, answer);
    session.open--;
    if (session.open === 0) this.#sessions.delete(keyOf(session.from, session.sessionId));
  }

  /** There may be room again for what a node waits for. */
  sendUnsent(to: number): void {
    const unsent = this.#unsent.get(to);
    if (unsent === undefined) return;
    let sent = 0;
    while (sent < unsent.length) {
      const { request, answer } = unsent[sent]!;
      if (!this.#send(to, request, answer)) break;
      sent++;
    }
    unsent.splice(0, sent);
    if (unsent.length === 0) this.#unsent.delete(to);
  }

  /** With the node's tick: room is not always told of. */
  tick(): void {
    for (const to of [...this.#unsent.keys()]) this.sendUnsent(to);
  }

  #sendOrKeep(to: number, request: number, answer: ForwardAnswer): void {
    const unsent = this.#unsent.get(to);
    if (unsent !== undefined) unsent.push({ request, answer });
    else if (!this.#send(to, request, answer)) this.#unsent.set(to, [{ request, answer }]);
  }

  #session(from: number, operation: ArrivedOperation): PeerSession {
    const key = keyOf(from, operation.session);
    const known = this.#sessions.get(key);
    if (known !== undefined && known.protocol === operation.protocol) return known;
    const made = new PeerSession(this, from, operation.session, operation.protocol);
    this.#sessions.set(key, made);
    return made;
  }
}

function keyOf(from: number, session: number): string {
  return `${from}:${session}`;
}

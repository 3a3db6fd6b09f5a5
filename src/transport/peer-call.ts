// One question to an address, on a connection of its own: for nodes that are no members yet.
import { DbError } from "../base/errors.ts";
import type { Timer } from "../platform/clock.ts";
import type { Network } from "../platform/network.ts";
import type { CallReply } from "./handler.ts";
import { isCallRequest, type MessageDispatcher } from "./message-dispatcher.ts";
import type { PeerAddress } from "./dialer.ts";
import {
  PeerConnection,
  type ConnectionEnv,
  type ConnectionOwner,
  type FrameRefusal,
} from "./peer-connection.ts";

const PURPOSE = { role: "dialer", link: "call", expectedNodeId: 0 } as const;
const NO_ANSWER: FrameRefusal = { fault: "unexpected", detail: "a question instead of an answer" };

/** How a call ends. */
export interface CallOutcome {
  resolve(answer: CallReply): void;
  reject(error: DbError): void;
}

/** A call under way. Ends exactly once, by answer, failure, timeout or `cancel`. */
export class PeerCall implements ConnectionOwner {
  readonly #address: PeerAddress;
  readonly #dispatcher: MessageDispatcher;
  readonly #ask: (connection: PeerConnection) => void;
  readonly #outcome: CallOutcome;
  readonly #timer: Timer;
  #connection: PeerConnection | null = null;
  #ended = false;

  /**
   * @param ask Queues the question.
   * @param outcome Called once.
   */
  constructor(
    env: ConnectionEnv,
    network: Network,
    dispatcher: MessageDispatcher,
    address: PeerAddress,
    timeoutMs: number,
    ask: (connection: PeerConnection) => void,
    outcome: CallOutcome,
  ) {
    this.#address = address;
    this.#dispatcher = dispatcher;
    this.#ask = ask;
    this.#outcome = outcome;
    this.#timer = env.scheduler.after(timeoutMs, () => {
      this.#fail("PEER_TIMEOUT", `no answer within ${timeoutMs} ms`);
    });
    network
      .connect(address.host, address.port, timeoutMs, (connection) => {
        this.#connection = new PeerConnection(env, this, connection, PURPOSE);
        if (this.#ended) this.#connection.close(true);
        return this.#connection;
      })
      .then(
        () => this.#connection?.start(),
        (error: unknown) => this.#fail("PEER_UNREACHABLE", "cannot connect", error),
      );
  }

  /** Gives up: the transport closes. */
  cancel(): void {
    this.#fail("PEER_CLOSED", "this node is closing");
  }

  admit(): null {
    return null;
  }

  onOpen(connection: PeerConnection): void {
    this.#ask(connection);
  }

  onFrame(
    _connection: PeerConnection,
    type: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
  ): FrameRefusal | null {
    const message = this.#dispatcher.readCall(type, bytes, view, from, to);
    if (!("kind" in message)) return message;
    if (isCallRequest(message)) return NO_ANSWER;
    if (this.#end()) this.#outcome.resolve(message);
    return null;
  }

  onDrain(): void {}

  onClosed(connection: PeerConnection): void {
    const { refusal } = connection;
    if (refusal === null || refusal === "closed" || refusal === "timeout") {
      this.#fail("PEER_UNREACHABLE", "the connection closed before the answer");
    } else {
      this.#fail("PEER_REFUSED", `the handshake failed: ${refusal}`);
    }
  }

  #fail(code: string, message: string, cause?: unknown): void {
    const { host, port } = this.#address;
    const refusal = this.#connection?.refusal ?? null;
    const error = new DbError(code, message, { host, port, refusal }, cause);
    if (this.#end()) this.#outcome.reject(error);
  }

  /** True the first time. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#timer.cancel();
    this.#connection?.close(true);
    return true;
  }
}

// Two sides of a handshake without a network between them.
import { nodeAuthenticator } from "../../platform/node/node-authenticator.ts";
import { Handshake, type HandshakeOptions, type Identity } from "../handshake.ts";
import { NONCE_BYTES } from "../handshake-format.ts";

export const SECRET: Uint8Array = new TextEncoder().encode("the secret of the cluster");

/** An identity that fits those made with other ids. */
export function identity(nodeId: number, changes: Partial<Identity> = {}): Identity {
  return { clusterId: "c1", nodeId, incarnation: 1, secret: SECRET, ...changes };
}

/** One side, with everything it has said so far. */
export class Side {
  readonly handshake: Handshake;
  readonly said: Uint8Array[] = [];

  constructor(changes: Partial<HandshakeOptions> & Pick<HandshakeOptions, "role" | "identity">) {
    this.handshake = new Handshake({
      kind: "control",
      expectedNodeId: 0,
      authenticator: nodeAuthenticator,
      nonce: new Uint8Array(NONCE_BYTES).fill(changes.role === "dialer" ? 0xd1 : 0xac),
      send: (bytes) => this.said.push(bytes),
      admit: () => null,
      ...changes,
    });
  }

  /** Hears all of `bytes`; returns what was left after the end of the handshake. */
  hear(bytes: Uint8Array): number {
    return bytes.length - this.handshake.feed(bytes, 0, bytes.length);
  }

  /** Takes what was said since the last call. */
  take(): Uint8Array {
    return Buffer.concat(this.said.splice(0));
  }
}

/** Lets two sides talk until nobody says anything more. */
export function converse(dialer: Side, acceptor: Side): void {
  dialer.handshake.start();
  for (;;) {
    const toAcceptor = dialer.take();
    acceptor.hear(toAcceptor);
    const toDialer = acceptor.take();
    dialer.hear(toDialer);
    if (toAcceptor.length === 0 && toDialer.length === 0) return;
  }
}

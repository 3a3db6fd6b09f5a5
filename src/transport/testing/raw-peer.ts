// Somebody on the wire who does as the test wants: proves the secret or not, then sends any bytes.
import { nodeAuthenticator } from "../../platform/node/node-authenticator.ts";
import type { Connection, ConnectionHandler } from "../../platform/network.ts";
import type { PeerAddress } from "../dialer.ts";
import { FRAME_HEADER_BYTES, sealFrameBefore } from "../frame.ts";
import { Handshake, type Identity } from "../handshake.ts";
import { NONCE_BYTES, type LinkKind } from "../handshake-format.ts";
import type { Place } from "./harness.ts";

/** A connection under the test's control. */
export class RawPeer implements ConnectionHandler {
  readonly received: Uint8Array[] = [];
  closed = false;
  handshake: Handshake | null = null;
  #connection: Connection | null = null;

  /** Connects; says nothing. */
  static async connect(place: Place, to: PeerAddress): Promise<RawPeer> {
    const peer = new RawPeer();
    peer.#connection = await place.network.connect(to.host, to.port, 5_000, () => peer);
    return peer;
  }

  /** Begins a handshake; `until(() => peer.isTrusted)` waits for its end. */
  prove(identity: Identity, kind: LinkKind): void {
    this.handshake = new Handshake({
      role: "dialer",
      kind,
      identity,
      expectedNodeId: 0,
      authenticator: nodeAuthenticator,
      nonce: new Uint8Array(NONCE_BYTES).fill(7),
      send: (bytes) => this.send(bytes),
      admit: () => null,
    });
    this.handshake.start();
  }

  get isTrusted(): boolean {
    return this.handshake?.state === "done";
  }

  send(bytes: Uint8Array): void {
    this.#connection!.write(bytes);
  }

  sendFrame(type: number, body: Uint8Array): void {
    this.send(rawFrame(type, body));
  }

  /** Stops reading, as a stuck process does. */
  pause(): void {
    this.#connection!.pause();
  }

  hangUp(): void {
    this.#connection!.destroy();
  }

  onData(bytes: Uint8Array, _view: DataView, length: number): void {
    const at = this.handshake?.feed(bytes, 0, length) ?? 0;
    if (at < length) this.received.push(new Uint8Array(bytes.subarray(at, length)));
  }

  onDrain(): void {}

  onClose(): void {
    this.closed = true;
  }
}

/** A frame as a peer would send it. */
export function rawFrame(type: number, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  head.set(body, FRAME_HEADER_BYTES);
  sealFrameBefore(head, type, new Uint8Array(0));
  return head;
}

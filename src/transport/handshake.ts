// The mutual proof of the cluster secret that comes before any frame: bytes in, bytes out, no I/O.
import type { Authenticator } from "../platform/authenticator.ts";
import {
  decodeHello,
  decodeProof,
  decodeRefusal,
  encodeHello,
  encodeProof,
  encodeRefusal,
  HELLO_PREFIX_BYTES,
  helloLength,
  MAGIC,
  PROOF_BYTES,
  PROOF_MARK,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_MIN,
  REFUSAL_BYTES,
  REFUSAL_MARK,
  UNTRUSTED_BYTES_MAX,
  type Hello,
  type LinkKind,
  type RefusalReason,
  type Role,
} from "./handshake-format.ts";

/** Who this node is, and the secret it shares with its cluster. */
export interface Identity {
  /** Empty while the node belongs to no cluster yet. */
  readonly clusterId: string;
  /** 0 while the node has no id yet. */
  readonly nodeId: number;
  /** Grows with every start of the node. */
  readonly incarnation: number;
  /** The key of the proof; an empty one proves nothing and is for loopback alone. */
  readonly secret: Uint8Array;
}

/** What one handshake needs. */
export interface HandshakeOptions {
  readonly role: Role;
  /** What the dialer wants; an acceptor takes the dialer's and its own is not looked at. */
  readonly kind: LinkKind;
  readonly identity: Identity;
  /** The node that was dialled, or 0 for whoever answers. */
  readonly expectedNodeId: number;
  readonly authenticator: Authenticator;
  /** Fresh random bytes, never used before. */
  readonly nonce: Uint8Array;
  readonly send: (bytes: Uint8Array) => void;
  /** The acceptor's last word on a dialer that has proved itself; null: welcome. */
  readonly admit: (peer: Hello) => RefusalReason | null;
}

/** Domain separation: a code made for one role or one version is worth nothing in another. */
const LABELS: Readonly<Record<Role, Uint8Array>> = {
  dialer: asciiBytes("kvorum peer 1 dialer\n"),
  acceptor: asciiBytes("kvorum peer 1 acceptor\n"),
};

/**
 * One side of one handshake.
 *
 * dialer -> hello, acceptor -> hello, dialer -> proof, acceptor -> proof. A proof is an HMAC over
 * the prover's role and both hellos whole, so it binds both nonces, ids, kinds, versions and
 * cluster ids: a recorded one meets a fresh nonce, a reflected one the wrong role.
 */
export class Handshake {
  /** "refused" and "done" are final. */
  state: "hello" | "proof" | "done" | "refused" = "hello";
  /** The other side's hello, once read; to be believed only when `state` is "done". */
  peer: Hello | null = null;
  /** Why it failed; null while it has not. */
  refusal: RefusalReason | null = null;
  /** Whether the failure was the other side's word. */
  refusedByPeer = false;

  readonly #options: HandshakeOptions;
  readonly #input: Uint8Array = new Uint8Array(UNTRUSTED_BYTES_MAX);
  #inputLength = 0;
  #dialerHello: Uint8Array | null = null;
  #acceptorHello: Uint8Array | null = null;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** The dialer's first word. */
  start(): void {
    this.#dialerHello = this.#makeHello(this.#options.kind);
    this.#options.send(this.#dialerHello);
  }

  /**
   * Takes bytes of the other side: `bytes[from, to)`.
   *
   * @returns How many were taken; what is left after "done" belongs to the frames.
   */
  feed(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to && this.state !== "done" && this.state !== "refused") {
      const wanted = this.#wantedBytes();
      while (at < to && this.#inputLength < wanted) this.#input[this.#inputLength++] = bytes[at++]!;
      this.#maybeAdvance();
    }
    return at - from;
  }

  /** Length of the record being read, as far as its first bytes tell it. */
  #wantedBytes(): number {
    if (this.#inputLength === 0) return 1;
    if (this.#input[0] === REFUSAL_MARK) return REFUSAL_BYTES;
    if (this.state === "proof") return PROOF_BYTES;
    if (this.#inputLength < HELLO_PREFIX_BYTES) return this.#inputLength + 1;
    const length = helloLength(this.#input);
    return typeof length === "number" ? length : HELLO_PREFIX_BYTES;
  }

  #maybeAdvance(): void {
    const length = this.#inputLength;
    const isRefusal = this.#input[0] === REFUSAL_MARK && this.#options.role === "dialer";
    if (isRefusal) {
      if (length === REFUSAL_BYTES) this.#onRefusal();
    } else if (this.state === "proof") {
      if (this.#input[0] !== PROOF_MARK) this.#refuseSilently("malformed");
      else if (length === PROOF_BYTES) this.#onProof();
    } else if (length <= MAGIC.length) {
      if (this.#input[length - 1] !== MAGIC[length - 1]) this.#refuseSilently("malformed");
    } else if (length >= HELLO_PREFIX_BYTES) {
      const wanted = helloLength(this.#input);
      if (typeof wanted !== "number") this.#refuse(wanted);
      else if (length === wanted) this.#onHello();
    }
  }

  #onHello(): void {
    const bytes = this.#takeInput();
    const hello = decodeHello(bytes);
    if (hello === null || hello.role === this.#options.role) {
      this.#refuse("malformed");
      return;
    }
    const reason = this.#misfit(hello);
    if (reason !== null) {
      this.#refuse(reason);
      return;
    }
    this.peer = hello;
    this.state = "proof";
    if (this.#options.role === "acceptor") {
      this.#dialerHello = bytes;
      this.#acceptorHello = this.#makeHello(hello.kind);
      this.#options.send(this.#acceptorHello);
    } else {
      this.#acceptorHello = bytes;
      this.#options.send(encodeProof(this.#proofOf("dialer")));
    }
  }

  #onProof(): void {
    const mac = decodeProof(this.#takeInput());
    if (mac === null) {
      this.#refuse("malformed");
      return;
    }
    const isDialer = this.#options.role === "dialer";
    const expected = this.#proofOf(isDialer ? "acceptor" : "dialer");
    if (!this.#options.authenticator.equal(mac, expected)) {
      this.#refuse("secret");
      return;
    }
    if (!isDialer) {
      const reason = this.#options.admit(this.peer!);
      if (reason !== null) {
        this.#refuse(reason);
        return;
      }
      this.#options.send(encodeProof(this.#proofOf("acceptor")));
    }
    this.state = "done";
  }

  /** Why a well-formed hello is not from the right node of the right cluster; null when it is. */
  #misfit(peer: Hello): RefusalReason | null {
    const { identity, role, kind, expectedNodeId } = this.#options;
    if (role === "dialer" && peer.kind !== kind) return "malformed";
    const bothInClusters = peer.clusterId !== "" && identity.clusterId !== "";
    if (peer.clusterId !== identity.clusterId && (peer.kind !== "call" || bothInClusters)) {
      return "cluster";
    }
    if (peer.kind !== "call") {
      if (identity.clusterId === "") return "cluster";
      if (peer.nodeId === 0 || identity.nodeId === 0) return "node";
    }
    if (peer.nodeId !== 0 && peer.nodeId === identity.nodeId) return "node";
    if (expectedNodeId !== 0 && peer.nodeId !== expectedNodeId) return "node";
    return null;
  }

  #makeHello(kind: LinkKind): Uint8Array {
    const { role, identity, nonce } = this.#options;
    return encodeHello({
      version: PROTOCOL_VERSION,
      versionMin: PROTOCOL_VERSION_MIN,
      role,
      kind,
      clusterId: identity.clusterId,
      nodeId: identity.nodeId,
      incarnation: identity.incarnation,
      nonce,
    });
  }

  #proofOf(role: Role): Uint8Array {
    const { authenticator, identity } = this.#options;
    const transcript = [LABELS[role], this.#dialerHello!, this.#acceptorHello!];
    return authenticator.hmac(identity.secret, transcript);
  }

  #takeInput(): Uint8Array {
    const bytes = this.#input.slice(0, this.#inputLength);
    this.#inputLength = 0;
    return bytes;
  }

  #onRefusal(): void {
    this.refusedByPeer = true;
    this.refusal = decodeRefusal(this.#takeInput());
    this.state = "refused";
  }

  /** Tells the other side, which at least speaks this protocol. */
  #refuse(reason: RefusalReason): void {
    if (this.#options.role === "acceptor") this.#options.send(encodeRefusal(reason));
    this.#refuseSilently(reason);
  }

  #refuseSilently(reason: RefusalReason): void {
    this.refusal = reason;
    this.state = "refused";
  }
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

// One simulated byte stream: two ends, each with the packets it has sent and the bytes it has not
// read.
import { Buffer } from "node:buffer";
import { invariant } from "../../base/invariant.ts";
import { viewOf } from "../../base/bytes.ts";
import { crc32 } from "../../base/checksum.ts";
import type { Connection, ConnectionHandler } from "../network.ts";
import { resetError, type SimFabric } from "./sim-fabric.ts";
import type { SimLink } from "./sim-link.ts";
import type { SimProcess } from "./sim-process.ts";
import { TraceKind } from "./trace.ts";

/** Bytes that the system takes from the sender before the receiver has read them. */
const WINDOW_BYTES = 256 * 1024;
const HIGH_WATER_BYTES = 64 * 1024;
const LINGER_MS = 1_000;
/** As the real thing: a handler never gets more in one call. */
const READ_BYTES_MAX = 256 * 1024;
/** What a handler finds in the shared buffer when it looks after its call: never its own bytes. */
const SCRIBBLE = 0xdd;
const NOTHING = Buffer.alloc(0);

type Packet =
  | { kind: "open" }
  | { kind: "data"; bytes: Buffer; given: Uint8Array }
  | { kind: "end" }
  | { kind: "reset" };

/** One end of a stream. Belongs to a process; the peer is the other end. */
export class SimEndpoint implements Connection {
  readonly remote: string;
  readonly local: string;
  readonly host: string;
  readonly peerHost: string;
  peer: SimEndpoint | null = null;
  readonly #fabric: SimFabric;
  readonly #process: SimProcess;
  readonly #link: SimLink;
  #handler: ConnectionHandler | null = null;
  #whenOpened: (() => void) | null = null;
  /** `ending`: we have said goodbye; `closed`: nothing is sent or handed out any more. */
  #state: "open" | "ending" | "closed" = "open";
  #vanished = false;
  #paused = false;
  #needsDrain = false;
  #unackedBytes = 0;
  #lastArrivalMs = 0;
  /** What was under way when the link was cut, and behind it what was written since. */
  #caught: Packet[] = [];
  #held: Packet[] = [];
  readonly #unread: Packet[] = [];

  constructor(fabric: SimFabric, process: SimProcess, local: string, remote: string) {
    this.#fabric = fabric;
    this.#process = process;
    this.local = local;
    this.remote = remote;
    this.host = hostOf(local);
    this.peerHost = hostOf(remote);
    this.#link = fabric.link(this.host, this.peerHost);
    fabric.opened(this);
  }

  /** Sets the handler; nothing is handed out before. */
  start(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  /** For the accepting end: `run` is called when the other side's first packet comes. */
  whenOpened(run: () => void): void {
    this.#whenOpened = run;
  }

  /** For the connecting end: tells the other side that the connection stands. */
  sendOpen(): void {
    this.#send({ kind: "open" });
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#unackedBytes - WINDOW_BYTES);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== "open" || !this.#process.alive) return true;
    const arriving = this.#fabric.drawReset(this.#link, bytes.length);
    if (arriving >= 0) {
      this.#breakAfter(bytes.subarray(0, arriving));
      return true;
    }
    this.#unackedBytes += bytes.length;
    this.#send({ kind: "data", bytes: Buffer.from(bytes), given: bytes });
    this.#needsDrain ||= this.bufferedBytes >= HIGH_WATER_BYTES;
    return this.bufferedBytes < HIGH_WATER_BYTES;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#process.schedule(0, () => this.#handOut());
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#paused = false;
    this.#send({ kind: "end" });
    this.#fabric.world.schedule(LINGER_MS, () => this.#close(null));
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#sayGone();
    this.#close(null);
  }

  /** The connection is reset: this end hears of it at once. */
  breakNow(): void {
    this.#close(resetError());
  }

  /** For the fabric: the process of this end is gone. */
  processDied(how: "kill" | "power"): void {
    if (how === "kill") this.#sayGone();
    else this.#vanished = true;
    this.#state = "closed";
    this.#fabric.closed(this);
  }

  /** For the fabric: the other side's machine is back, without memory of this stream. */
  peerForgot(): void {
    const peer = this.peer;
    if (peer !== null && peer.#vanished && this.#waits) this.#close(resetError());
  }

  /** For the fabric: a link was healed; what waited goes out. */
  sendHeld(): void {
    if (!this.#waits || this.#link.isBlocked) return;
    const packets = [...this.#caught, ...this.#held];
    this.#caught = [];
    this.#held = [];
    for (const packet of packets) this.#send(packet);
  }

  get #waits(): boolean {
    return this.#caught.length > 0 || this.#held.length > 0;
  }

  /** Tells the other side, in one of the two ways that systems do it. */
  #sayGone(): void {
    if (this.#fabric.random.chance(0.5)) this.#send({ kind: "end" });
    else this.#send({ kind: "reset" });
  }

  /** A reset in the middle of a write: the other side gets the first bytes. */
  #breakAfter(bytes: Uint8Array): void {
    const { world } = this.#fabric;
    world.fault("reset", `${this.local} to ${this.remote} after ${bytes.length} bytes of a write`);
    const given = Buffer.from(bytes);
    if (given.length > 0) this.#send({ kind: "data", bytes: given, given });
    this.#send({ kind: "reset" });
    this.#close(resetError());
  }

  #send(packet: Packet): void {
    if (this.#process.isBusy) {
      this.#process.schedule(0, () => this.#send(packet));
      return;
    }
    const link = this.#link;
    if (this.#waits || link.isBlocked) {
      this.#held.push(packet);
      return;
    }
    const world = this.#fabric.world;
    const bytes = packet.kind === "data" ? packet.bytes.length : 0;
    const soonestMs = world.nowMs + this.#fabric.drawDelayMs(link, bytes);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, soonestMs);
    world.schedule(this.#lastArrivalMs - world.nowMs, () => {
      // A packet that was under way when the link was cut is lost and sent again after healing.
      if (this.#waits || link.isBlocked) this.#caught.push(packet);
      else peerOf(this).#arrive(packet, this);
    });
  }

  #arrive(packet: Packet, sender: SimEndpoint): void {
    if (this.#vanished) {
      if (this.#process.host.powered) sender.#close(resetError());
      else sender.#caught.push(packet);
      return;
    }
    if (this.#state === "closed") {
      if (packet.kind === "data") sender.#close(resetError());
      return;
    }
    this.#process.deliver(() => this.#receive(packet));
  }

  #receive(packet: Packet): void {
    this.#unread.push(packet);
    this.#handOut();
  }

  #handOut(): void {
    while (this.#unread.length > 0 && !this.#paused && this.#state !== "closed") {
      const packet = this.#unread.shift()!;
      if (packet.kind !== "data") this.#trace(packet.kind, NOTHING);
      if (packet.kind === "open") this.#whenOpened?.();
      else if (packet.kind === "data") this.#handOutData(packet.bytes, packet.given);
      else {
        if (packet.kind === "end") this.#answerEnd();
        this.#close(packet.kind === "reset" ? resetError() : null);
      }
    }
  }

  #handOutData(bytes: Buffer, given: Uint8Array): void {
    invariant(bytes.equals(given), "bytes given to a connection do not change afterwards");
    const { random, splitChance } = this.#fabric;
    let at = 0;
    while (at < bytes.length) {
      let length = Math.min(READ_BYTES_MAX, bytes.length - at);
      if (length > 1 && random.chance(splitChance)) length = random.between(1, length - 1);
      const piece = bytes.subarray(at, at + length);
      at += length;
      this.#handOutPiece(piece);
      if (this.#state === "closed") return;
      if (this.#paused && at < bytes.length) {
        const rest = bytes.subarray(at);
        this.#unread.unshift({ kind: "data", bytes: rest, given: rest });
        return;
      }
    }
  }

  #handOutPiece(piece: Buffer): void {
    peerOf(this).#acknowledge(piece.length);
    if (this.#state !== "open") return;
    const shared = this.#process.network.readBuffer(piece.length);
    shared.set(piece);
    if (this.#fabric.world.trace !== null) this.#trace("data", piece);
    this.#handler?.onData(shared, viewOf(shared), piece.length);
    shared.fill(SCRIBBLE, 0, piece.length);
  }

  #trace(what: string, bytes: Buffer): void {
    const { world } = this.#fabric;
    const { trace } = world;
    if (trace === null) return;
    const link = trace.hashOf(this.local) - trace.hashOf(this.remote);
    trace.mix(TraceKind.packet, link ^ bytes.length, crc32(bytes, 0, bytes.length));
    trace.note?.(`${world.stamp} ${this.remote} to ${this.local} ${what} ${bytes.length} bytes`);
  }

  #acknowledge(bytes: number): void {
    this.#unackedBytes -= bytes;
    if (!this.#needsDrain || this.bufferedBytes > 0) return;
    this.#needsDrain = false;
    this.#process.schedule(0, () => {
      if (this.#state === "open") this.#handler?.onDrain();
    });
  }

  /** The other side has ended; this side ends too, so that it learns that all was read. */
  #answerEnd(): void {
    const peer = this.peer;
    if (peer === null || peer.#state !== "ending") return;
    this.#send({ kind: "end" });
  }

  #close(error: Error | null): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#fabric.closed(this);
    this.#process.schedule(0, () => {
      const handler = this.#handler;
      this.#handler = null;
      handler?.onClose(error);
    });
  }
}

function peerOf(endpoint: SimEndpoint): SimEndpoint {
  invariant(endpoint.peer !== null, "packets travel between two ends");
  return endpoint.peer;
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

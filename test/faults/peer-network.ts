// The network between nodes on one machine: a TCP proxy in front of each node's peer port, which
// passes bytes on or swallows them, each direction by itself. A node announces the proxy's address,
// on which the proxy listens at the node's own port; so this needs 127.0.0.2 and up (Linux).
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const NODE_HOST = "127.0.0.1";
/** Last byte of the address of the first node's proxy. */
const FIRST_HOST = 2;
/** Where the hello of a dialler names its node: docs/internals/peer-format.md, "Handshake". */
const HELLO_NODE_AT = 16;
const HELLO_PREFIX_BYTES = 24;

/** A connection that a node has dialled, and its continuation to the node behind the proxy. */
interface Link {
  /** Node id; 0 until its hello has come, and for a node that has none yet. */
  dialer: number;
  hello: Buffer;
  readonly target: number;
  readonly near: Socket;
  readonly far: Socket;
  /** Directions in which bytes were swallowed. */
  readonly torn: Set<Socket>;
  /** By the socket they come from. */
  readonly late: ReadonlyMap<Socket, LateBytes>;
  /** Bytes have passed in both directions. */
  passed: boolean;
}

/** The proxies of one cluster. */
export class PeerNetwork {
  /** Bytes that did not arrive. */
  swallowedBytes = 0;
  readonly #servers: Server[] = [];
  readonly #links = new Set<Link>();
  /** Ordered pairs of places, `from>to`, between which nothing arrives. */
  readonly #dropped = new Set<string>();
  /** By ordered pair of places how late bytes are, ms. */
  readonly #lateMs = new Map<string, number>();
  /** Pieces of data that still have to be cut in the middle. */
  #resets = 0;
  /** Places of nodes by id. */
  #places: ReadonlyMap<number, number> = new Map();

  /** Under which address node `place` must announce itself. */
  hostOf(place: number): string {
    return `127.0.0.${FIRST_HOST + place}`;
  }

  /** Opens the proxy of node `place`. */
  async listen(place: number, port: number): Promise<void> {
    const server = createServer((near) => this.#accept(near, place, port));
    this.#servers.push(server);
    server.listen(port, this.hostOf(place));
    await once(server, "listening");
  }

  /** Says which node has which id: only then it can be cut off. */
  name(ids: readonly number[]): void {
    this.#places = new Map(ids.map((id, place) => [id, place]));
  }

  /**
   * From now on nothing arrives at `to` from `from`; connections stay open. The first piece of data
   * is cut in the middle, as a router that dies would.
   */
  drop(from: number, to: number): void {
    this.#dropped.add(`${from}>${to}`);
  }

  /** From now on bytes reach `to` from `from` so much later. */
  delay(from: number, to: number, ms: number): void {
    this.#lateMs.set(`${from}>${to}`, ms);
  }

  /** Of each of the next `count` pieces of data half arrives; then its connection is reset. */
  resetNext(count: number): void {
    this.#resets += count;
  }

  /**
   * Bytes arrive again, and in time. Connections go on, with a hole where bytes were swallowed;
   * those that never came to be end, since in a real network they would not have been opened.
   */
  heal(): void {
    this.#dropped.clear();
    this.#lateMs.clear();
    this.#resets = 0;
    for (const { near, torn, passed } of this.#links) {
      if (torn.size > 0 && !passed) near.resetAndDestroy();
    }
  }

  /** Connections that stand and have lost bytes. */
  get tornLinks(): number {
    return [...this.#links].filter(({ torn }) => torn.size > 0).length;
  }

  /** Ends all. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const { near, far } of this.#links) {
      near.destroy();
      far.destroy();
    }
  }

  #accept(near: Socket, target: number, port: number): void {
    const far = connect(port, NODE_HOST);
    const hello = Buffer.alloc(0);
    const late = new Map([near, far].map((from) => [from, new LateBytes()]));
    const torn = new Set<Socket>();
    const link: Link = { dialer: 0, hello, target, near, far, torn, late, passed: false };
    this.#links.add(link);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.on("data", (bytes: Buffer) => {
      if (link.hello.length < HELLO_PREFIX_BYTES) readHello(link, bytes);
      this.#pass(link, near, far, bytes);
    });
    far.on("data", (bytes: Buffer) => this.#pass(link, far, near, bytes));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      // A reset of one side is what the other side shall see, too.
      one.on("error", () => other.resetAndDestroy());
      one.on("end", () => other.end());
      one.on("close", () => {
        other.destroy();
        this.#links.delete(link);
      });
      one.on("drain", () => other.resume());
    }
  }

  #pass(link: Link, from: Socket, to: Socket, bytes: Buffer): void {
    const dialer = this.#places.get(link.dialer);
    const ends = from === link.near ? [dialer, link.target] : [link.target, dialer];
    const pair = ends.join(">");
    let passed = bytes;
    if (this.#dropped.has(pair)) {
      const cutAt = link.torn.has(from) || !link.passed ? 0 : Math.floor(bytes.length / 2);
      passed = bytes.subarray(0, cutAt);
      link.torn.add(from);
      this.swallowedBytes += bytes.length - passed.length;
    }
    // The side that was dialled only speaks when it is spoken to.
    else if (from === link.far) link.passed = true;
    if (passed.length === 0) return;
    if (this.#resets > 0) {
      this.#resets--;
      to.end(passed.subarray(0, passed.length / 2));
      from.resetAndDestroy();
      return;
    }
    link.late.get(from)!.hold(this.#lateMs.get(pair) ?? 0, () => {
      if (to.writable && !to.write(passed)) from.pause();
    });
  }
}

/** Bytes of one direction that are on their way: late, but in order. */
class LateBytes {
  #pieces = 0;
  #ms = 0;

  hold(ms: number, write: () => void): void {
    // Not before what was sent earlier.
    this.#ms = this.#pieces === 0 ? ms : Math.max(ms, this.#ms);
    if (this.#ms === 0) {
      write();
      return;
    }
    this.#pieces++;
    setTimeout(() => {
      this.#pieces--;
      write();
    }, this.#ms);
  }
}

function readHello(link: Link, bytes: Buffer): void {
  link.hello = Buffer.concat([link.hello, bytes.subarray(0, HELLO_PREFIX_BYTES)]);
  if (link.hello.length < HELLO_PREFIX_BYTES) return;
  link.dialer = Number(link.hello.readBigUInt64LE(HELLO_NODE_AT));
}

// The simulated network as one process sees it: listen, connect, and a read buffer of its own.
import { Buffer } from "node:buffer";
import type { Connection, ConnectionHandler, Listener, Network } from "../network.ts";
import { SimEndpoint } from "./sim-connection.ts";
import type { SimFabric } from "./sim-fabric.ts";
import { systemError } from "./sim-names.ts";
import type { SimProcess } from "./sim-process.ts";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);
/** When a lost first packet is sent again, in milliseconds after the first time, as TCP does. */
const RETRY_MS = [0, 1_000, 3_000, 7_000, 15_000];

const READ_BUFFER_BYTES = 64 * 1024;

type Accept = (connection: Connection) => ConnectionHandler | null;

/** An address that a simulated process listens on. */
export class SimListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly process: SimProcess;
  readonly accept: Accept;
  readonly #fabric: SimFabric;

  constructor(fabric: SimFabric, process: SimProcess, port: number, accept: Accept) {
    this.#fabric = fabric;
    this.process = process;
    this.host = process.host.name;
    this.port = port;
    this.accept = accept;
  }

  async close(): Promise<void> {
    this.#fabric.unbind(this.host, this);
  }
}

/** The network of one simulated process. Hosts are reached by their name in the world. */
export class SimNetwork implements Network {
  readonly #process: SimProcess;
  readonly #fabric: SimFabric;
  #readBuffer = Buffer.alloc(0);

  constructor(process: SimProcess, fabric: SimFabric) {
    this.#process = process;
    this.#fabric = fabric;
  }

  /** The buffer that all connections of this process read into. */
  readBuffer(length: number): Buffer {
    if (this.#readBuffer.length < length) {
      this.#readBuffer = Buffer.alloc(Math.max(length, READ_BUFFER_BYTES));
    }
    return this.#readBuffer;
  }

  /** Listens on every address of the host: `host` is not looked at. */
  async listen(_host: string, port: number, accept: Accept): Promise<Listener> {
    // A dead process waits for ever.
    if (!this.#process.alive) return new Promise(() => {});
    const chosen = port === 0 ? this.#fabric.freePort() : port;
    const listener = new SimListener(this.#fabric, this.#process, chosen, accept);
    if (!this.#fabric.bind(this.#process.host.name, listener)) {
      throw systemError("EADDRINUSE", `${this.#process.host.name}:${chosen}`);
    }
    return listener;
  }

  connect(
    host: string,
    port: number,
    timeoutMs: number,
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<Connection> {
    const target = LOOPBACK.has(host) ? this.#process.host.name : host;
    return new Promise((resolve, reject) => {
      const dial = new Dial(this.#fabric, this.#process, target, port, (outcome) => {
        if (outcome instanceof Error) {
          reject(outcome);
          return;
        }
        outcome.start(accept(outcome));
        outcome.sendOpen();
        resolve(outcome);
      });
      dial.begin(timeoutMs);
    });
  }
}

/** One attempt to connect: there and back, again when lost, until the time is over. */
class Dial {
  readonly #fabric: SimFabric;
  readonly #process: SimProcess;
  readonly #target: string;
  readonly #port: number;
  readonly #done: (outcome: SimEndpoint | Error) => void;
  #ended = false;

  constructor(
    fabric: SimFabric,
    process: SimProcess,
    target: string,
    port: number,
    done: (outcome: SimEndpoint | Error) => void,
  ) {
    this.#fabric = fabric;
    this.#process = process;
    this.#target = target;
    this.#port = port;
    this.#done = done;
  }

  begin(timeoutMs: number): void {
    for (const retryMs of RETRY_MS) this.#process.schedule(retryMs, () => this.#knock());
    this.#process.schedule(timeoutMs, () =>
      this.#end(systemError("ETIMEDOUT", `${this.#target}:${this.#port}`)),
    );
  }

  #knock(): void {
    const { world } = this.#fabric;
    const there = this.#fabric.link(this.#process.host.name, this.#target);
    const back = this.#fabric.link(this.#target, this.#process.host.name);
    if (this.#ended || there.isBlocked) return;
    world.schedule(this.#fabric.drawDelayMs(there), () => {
      if (this.#ended || there.asleep || !world.host(this.#target).powered) return;
      const listener = this.#fabric.listenerAt(this.#target, this.#port);
      if (back.isBlocked) return;
      this.#process.schedule(this.#fabric.drawDelayMs(back), () => {
        if (this.#ended) return;
        if (listener === null)
          this.#end(systemError("ECONNREFUSED", `${this.#target}:${this.#port}`));
        else this.#end(this.#connectTo(listener));
      });
    });
  }

  #connectTo(listener: SimListener): SimEndpoint {
    const local = `${this.#process.host.name}:${this.#fabric.freePort()}`;
    const remote = `${listener.host}:${listener.port}`;
    const near = new SimEndpoint(this.#fabric, this.#process, local, remote);
    const far = new SimEndpoint(this.#fabric, listener.process, remote, local);
    near.peer = far;
    far.peer = near;
    if (!listener.process.alive) far.processDied("kill");
    far.whenOpened(() => {
      const handler = listener.accept(far);
      if (handler === null) far.destroy();
      else far.start(handler);
    });
    return near;
  }

  #end(outcome: SimEndpoint | Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#done(outcome);
  }
}

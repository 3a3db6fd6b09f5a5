// The cables of a simulated world: which host reaches which, how fast, and what is listening where.
import type { Listener } from "../network.ts";
import type { SimEndpoint } from "./sim-connection.ts";
import type { SimListener } from "./sim-network.ts";
import type { SimRandom } from "./sim-random.ts";
import type { SimWorld } from "./sim-world.ts";

/** Shortest and longest time of one packet, in milliseconds. */
export interface LinkDelay {
  readonly min: number;
  readonly max: number;
}

/** The network between all hosts. Faults are set from tests, at any time. */
export class SimFabric {
  readonly world: SimWorld;
  readonly random: SimRandom;
  /** Delay of links that have none of their own. */
  delayMs: LinkDelay = { min: 0.05, max: 1 };
  /** How likely the bytes of one write arrive in several pieces. */
  splitChance = 0.2;
  readonly #delays = new Map<string, LinkDelay>();
  readonly #cuts = new Set<string>();
  readonly #listeners = new Map<string, SimListener>();
  readonly #endpoints = new Set<SimEndpoint>();
  #nextPort = 40_000;

  constructor(world: SimWorld, random: SimRandom) {
    this.world = world;
    this.random = random;
  }

  /**
   * Nothing passes between two hosts any more; what was sent waits (TCP sends again) until healed.
   */
  cut(left: string, right: string): void {
    this.cutOneWay(left, right);
    this.cutOneWay(right, left);
  }

  /** Nothing passes from one host to another; the other way stays open. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(linkOf(from, to));
  }

  /** Undoes cuts between two hosts, both ways. */
  heal(left: string, right: string): void {
    this.#cuts.delete(linkOf(left, right));
    this.#cuts.delete(linkOf(right, left));
    this.#sendHeld();
  }

  healAll(): void {
    this.#cuts.clear();
    this.#sendHeld();
  }

  /** Cuts every link between hosts of different groups. */
  partition(...groups: string[][]): void {
    for (const [at, group] of groups.entries()) {
      for (const left of group) {
        for (const right of groups.slice(at + 1).flat()) this.cut(left, right);
      }
    }
  }

  /** Gives one link, in one direction, a delay of its own. */
  setDelay(from: string, to: string, delay: LinkDelay): void {
    this.#delays.set(linkOf(from, to), delay);
  }

  /** Breaks every connection between two hosts: both ends see a reset. */
  resetConnections(left: string, right: string): void {
    for (const endpoint of [...this.#endpoints]) {
      const { host, peerHost } = endpoint;
      if ((host === left && peerHost === right) || (host === right && peerHost === left)) {
        endpoint.breakNow(resetError());
      }
    }
  }

  /** Breaks one connection, drawn by chance: both ends see a reset. False when none is open. */
  resetOne(): boolean {
    const all = [...this.#endpoints];
    if (all.length === 0) return false;
    const drawn = all[this.random.between(0, all.length - 1)]!;
    drawn.peer?.breakNow(resetError());
    drawn.breakNow(resetError());
    return true;
  }

  /** Ends of connections that are open now. */
  get endpointCount(): number {
    return this.#endpoints.size;
  }

  isCut(from: string, to: string): boolean {
    return from !== to && this.#cuts.has(linkOf(from, to));
  }

  drawDelayMs(from: string, to: string): number {
    const { min, max } = this.#delays.get(linkOf(from, to)) ?? this.delayMs;
    const delayMs = min + this.random.fraction() * (max - min);
    return from === to ? delayMs / 10 : delayMs;
  }

  /** A port nobody uses, for the connecting side or for port 0. */
  freePort(): number {
    return this.#nextPort++;
  }

  bind(host: string, listener: SimListener): boolean {
    const name = `${host}:${listener.port}`;
    if (this.#listeners.has(name)) return false;
    this.#listeners.set(name, listener);
    return true;
  }

  unbind(host: string, listener: Listener): void {
    const name = `${host}:${listener.port}`;
    if (this.#listeners.get(name) === listener) this.#listeners.delete(name);
  }

  listenerAt(host: string, port: number): SimListener | null {
    return this.#listeners.get(`${host}:${port}`) ?? null;
  }

  opened(endpoint: SimEndpoint): void {
    this.#endpoints.add(endpoint);
  }

  closed(endpoint: SimEndpoint): void {
    this.#endpoints.delete(endpoint);
  }

  /**
   * A killed process's connections are closed by its system; after a power cut nobody says
   * anything.
   */
  processDied(host: string, how: "kill" | "power"): void {
    for (const [name, listener] of this.#listeners) {
      if (listener.host === host) this.#listeners.delete(name);
    }
    for (const endpoint of [...this.#endpoints]) {
      if (endpoint.host === host) endpoint.processDied(how);
    }
  }

  /** A machine is back: it answers packets of connections it knows nothing of with a reset. */
  poweredOn(host: string): void {
    for (const endpoint of [...this.#endpoints]) {
      if (endpoint.peerHost === host) endpoint.peerForgot();
    }
  }

  #sendHeld(): void {
    for (const endpoint of this.#endpoints) endpoint.sendHeld();
  }
}

/** The error of a connection that the other side has reset. */
export function resetError(): Error {
  return Object.assign(new Error("connection reset by peer"), { code: "ECONNRESET" });
}

function linkOf(from: string, to: string): string {
  return `${from}>${to}`;
}

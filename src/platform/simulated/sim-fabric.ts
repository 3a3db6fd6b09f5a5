// The cables of a simulated world: which host reaches which, how fast, and what is listening where.
import type { Listener } from "../network.ts";
import type { SimEndpoint } from "./sim-connection.ts";
import { systemError } from "./sim-names.ts";
import { SimLink, type LinkDelay, type LinkFaults } from "./sim-link.ts";
import type { SimListener } from "./sim-network.ts";
import { SimRandom } from "./sim-random.ts";
import type { SimWorld } from "./sim-world.ts";

const SPIKE_MS: LinkDelay = { min: 10, max: 500 };
/** Makes the chance of faults another one than that of delays. */
const FAULT_SALT = 0x6e657421;

/**
 * The network between all hosts. Faults are set from tests, at any time.
 *
 * Connections are TCP streams: whatever happens to a link, their bytes arrive once and in order, or
 * the connection is reset.
 */
export class SimFabric {
  readonly world: SimWorld;
  readonly random: SimRandom;
  /** Chance of faults: drawing from it changes no delay. */
  readonly faultRandom: SimRandom;
  /** Delay of links that have none of their own. */
  delayMs: LinkDelay = { min: 0.05, max: 1 };
  /** How likely the bytes of one write arrive in several pieces. */
  splitChance = 0.2;
  /** What goes wrong on links that have no faults of their own; null: nothing. */
  faults: LinkFaults | null = null;
  readonly #links = new Map<string, Map<string, SimLink>>();
  readonly #asleep = new Set<string>();
  readonly #listeners = new Map<string, SimListener>();
  readonly #endpoints = new Set<SimEndpoint>();
  #nextPort = 40_000;

  constructor(world: SimWorld, random: SimRandom) {
    this.world = world;
    this.random = random;
    this.faultRandom = new SimRandom(world.seed ^ FAULT_SALT);
  }

  /** The way from one host to another. */
  link(from: string, to: string): SimLink {
    let ways = this.#links.get(from);
    if (ways === undefined) {
      ways = new Map();
      this.#links.set(from, ways);
    }
    let link = ways.get(to);
    if (link === undefined) {
      link = new SimLink(from, to);
      link.asleep = this.#asleep.has(to);
      ways.set(to, link);
    }
    return link;
  }

  // ---- what passes and what does not

  /**
   * Nothing passes between two hosts any more; what was sent waits (TCP sends again) until healed.
   */
  cut(left: string, right: string): void {
    this.cutOneWay(left, right);
    this.cutOneWay(right, left);
  }

  /** Nothing passes from one host to another; the other way stays open. */
  cutOneWay(from: string, to: string): void {
    const link = this.link(from, to);
    if (link.isLoop || link.cut) return;
    link.cut = true;
    this.world.fault("cut", `${from} to ${to}`);
  }

  /** Undoes cuts and clogs between two hosts, both ways. */
  heal(left: string, right: string): void {
    open(this.link(left, right));
    open(this.link(right, left));
    this.#sendHeld();
  }

  /** Undoes cuts and clogs from one host to another. */
  healOneWay(from: string, to: string): void {
    open(this.link(from, to));
    this.#sendHeld();
  }

  healAll(): void {
    for (const link of this.#all()) open(link);
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

  /** All that is sent one way in the next `forMs` milliseconds, or is under way, arrives then. */
  clog(from: string, to: string, forMs: number): void {
    const link = this.link(from, to);
    if (link.isLoop) return;
    const endMs = this.world.nowMs + forMs;
    link.clogged = true;
    link.clogEndMs = Math.max(link.clogEndMs, endMs);
    this.world.fault("clog", `${from} to ${to} for ${forMs} ms`);
    this.world.schedule(forMs, () => {
      if (link.clogEndMs > endMs) return;
      link.clogged = false;
      this.#sendHeld();
    });
  }

  /** For a host: nothing reaches it while it is suspended. */
  setAsleep(host: string, asleep: boolean): void {
    if (asleep) this.#asleep.add(host);
    else this.#asleep.delete(host);
    for (const link of this.#all()) if (link.to === host) link.asleep = asleep;
    if (!asleep) this.#sendHeld();
  }

  /** Gives one link, in one direction, a delay of its own. */
  setDelay(from: string, to: string, delay: LinkDelay): void {
    this.link(from, to).delay = delay;
  }

  /** Gives one link, in one direction, faults of its own; null: those of the fabric again. */
  setFaults(from: string, to: string, faults: LinkFaults | null): void {
    this.link(from, to).faults = faults;
  }

  isCut(from: string, to: string): boolean {
    return this.link(from, to).cut;
  }

  // ---- connections

  /** Breaks every connection between two hosts: both ends see a reset. */
  resetConnections(left: string, right: string): void {
    this.world.fault("reset", `${left} and ${right}`);
    for (const endpoint of [...this.#endpoints]) {
      const { host, peerHost } = endpoint;
      if ((host === left && peerHost === right) || (host === right && peerHost === left)) {
        endpoint.breakNow();
      }
    }
  }

  /** Breaks one connection, drawn by chance: both ends see a reset. False when none is open. */
  resetOne(): boolean {
    const all = [...this.#endpoints];
    if (all.length === 0) return false;
    const drawn = all[this.random.between(0, all.length - 1)]!;
    this.world.fault("reset", `${drawn.local} and ${drawn.remote}`);
    drawn.peer?.breakNow();
    drawn.breakNow();
    return true;
  }

  /** Ends of connections that are open now. */
  get endpointCount(): number {
    return this.#endpoints.size;
  }

  /** How long a packet takes that is sent now; on a slow link it waits for those before it. */
  drawDelayMs(link: SimLink, bytes = 0): number {
    const { min, max } = link.delay ?? this.delayMs;
    const delayMs = min + this.random.fraction() * (max - min);
    if (link.isLoop) return delayMs / 10;
    const faults = link.faults ?? this.faults;
    return faults === null ? delayMs : delayMs + this.#drawExtraMs(link, faults, bytes);
  }

  /** Where a write is cut off by a reset: so many of its bytes arrive; -1: it is not. */
  drawReset(link: SimLink, bytes: number): number {
    const chance = (link.faults ?? this.faults)?.resetChance ?? 0;
    if (chance === 0 || link.isLoop || !this.faultRandom.chance(chance)) return -1;
    return this.faultRandom.between(0, Math.max(0, bytes - 1));
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

  #drawExtraMs(link: SimLink, faults: LinkFaults, bytes: number): number {
    const { nowMs } = this.world;
    let extraMs = 0;
    if (faults.bytesPerMs !== undefined) {
      link.freeAtMs = Math.max(nowMs, link.freeAtMs) + bytes / faults.bytesPerMs;
      extraMs = link.freeAtMs - nowMs;
    }
    const { spikeChance = 0, spikeMs = SPIKE_MS } = faults;
    if (spikeChance > 0 && this.faultRandom.chance(spikeChance)) {
      const spikedMs = spikeMs.min + this.faultRandom.fraction() * (spikeMs.max - spikeMs.min);
      this.world.fault("spike", `${link.from} to ${link.to} ${spikedMs.toFixed(1)} ms`);
      extraMs += spikedMs;
    }
    return extraMs;
  }

  *#all(): Generator<SimLink> {
    for (const ways of this.#links.values()) yield* ways.values();
  }

  #sendHeld(): void {
    for (const endpoint of this.#endpoints) endpoint.sendHeld();
  }
}

/** The error of a connection that the other side has reset. */
export function resetError(): Error {
  return systemError("ECONNRESET", "connection reset by peer");
}

function open(link: SimLink): void {
  link.cut = false;
  link.clogged = false;
  link.clogEndMs = 0;
}

// A simulated machine that runs a server: what is known of it while the server comes and goes.
import type { SimHost } from "../../src/platform/simulated/sim-host.ts";
import type { SimProcess } from "../../src/platform/simulated/sim-process.ts";
import type { MessageFaults } from "../../src/transport/testing/message-faults.ts";
import { InvariantError } from "../../src/base/invariant.ts";
import { closeServer, openServer, type RunningServer, type ServerKnobs } from "./server.ts";

/** Why a server ended by itself, or did not come up. */
export interface Ending {
  readonly atMs: number;
  readonly error: Error;
  /** Whether it had served before: false for one that did not come up. */
  readonly served: boolean;
}

/** What all machines of a run share. */
export interface FleetSetting {
  readonly knobs: ServerKnobs;
  readonly messages: MessageFaults;
}

/** Hears what servers say and how they end. */
export interface MachineEvents {
  onLine(
    machine: Machine,
    level: string,
    message: string,
    facts: Readonly<Record<string, unknown>>,
  ): void;
  onEnding(machine: Machine, ending: Ending): void;
  /** Its process is about to be gone, for whatever reason. */
  onGoing(machine: Machine): void;
}

/** One machine of a cluster. */
export class Machine {
  readonly number: number;
  readonly host: SimHost;
  /** Null while it is down or on its way. */
  server: RunningServer | null = null;
  /** A process runs, whether or not it serves yet. */
  starting = false;
  /** How often a process was started. */
  starts = 0;
  /** Machines that are asked for membership. */
  join: readonly string[] = [];
  bootstrapExpect = 0;
  /** Its files were damaged or lost, and it has not caught up since. */
  damaged = false;
  /** Its files were damaged at some time since it began with none: that may show much later. */
  touched = false;
  readonly endings: Ending[] = [];
  readonly #setting: FleetSetting;
  readonly #events: MachineEvents;

  constructor(number: number, host: SimHost, setting: FleetSetting, events: MachineEvents) {
    this.number = number;
    this.host = host;
    this.#setting = setting;
    this.#events = events;
  }

  get name(): string {
    return this.host.name;
  }

  /** No process runs on it. */
  get down(): boolean {
    return this.host.process === null;
  }

  /** Starts a process; it serves as the world runs on. */
  start(): void {
    const process = this.host.start();
    this.starting = true;
    this.starts++;
    const isCurrent = (): boolean => this.host.process === process;
    const onFatal = (error: Error): void => {
      if (isCurrent()) this.#end(error, this.server !== null);
    };
    process.onUncaught = (error) => onFatal(errorOf(error));
    const { knobs, messages } = this.#setting;
    const { join, bootstrapExpect } = this;
    openServer(this.host, process, { join, bootstrapExpect }, knobs, messages, {
      onLine: (level, message, facts) => {
        if (isCurrent()) this.#events.onLine(this, level, message, facts);
      },
      onFatal,
    }).then(
      (server) => this.#serve(server, process),
      (error: unknown) => {
        if (isCurrent()) this.#end(errorOf(error), false);
      },
    );
  }

  #serve(server: RunningServer, process: SimProcess): void {
    if (this.host.process !== process) return;
    this.starting = false;
    this.server = server;
  }

  get knobs(): ServerKnobs {
    return this.#setting.knobs;
  }

  /** SIGTERM: hands over, closes, ends. `onEnd` is called when the process is gone. */
  stop(onEnd: () => void): void {
    const { server } = this;
    const { process } = this.host;
    if (server === null) return;
    const end = (): void => {
      if (this.host.process !== process) return;
      this.kill();
      onEnd();
    };
    closeServer(server).then(end, end);
  }

  /** `kill -9`. */
  kill(): void {
    this.#forget();
    this.host.kill();
  }

  powerCut(): void {
    this.#forget();
    this.host.powerCut();
  }

  /** The process ended by itself; the system frees what it held. */
  #end(error: Error, served: boolean): void {
    const ending = { atMs: this.host.world.nowMs, error, served };
    this.kill();
    this.endings.push(ending);
    this.#events.onEnding(this, ending);
  }

  #forget(): void {
    this.#events.onGoing(this);
    this.server = null;
    this.starting = false;
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Whether a server ended by a bug: its own checks failed. */
export function isBug(error: Error): boolean {
  return (
    error instanceof InvariantError || error instanceof TypeError || error instanceof RangeError
  );
}

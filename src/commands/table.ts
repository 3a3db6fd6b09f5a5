// The table of commands: found by the bytes of a name, by text and by id. And all data commands of
// clients.
import { invariant } from "../base/invariant.ts";
import type { DataCommand } from "./command.ts";
import { counterCommands } from "./counters.ts";
import { databaseCommands } from "./databases.ts";
import { expiryCommands } from "./expiry.ts";
import { keyCommands } from "./keys.ts";
import { scanCommands } from "./scan.ts";
import { stringEditCommands } from "./string-edit.ts";
import { stringReadCommands } from "./string-read.ts";
import { stringWriteCommands } from "./string-write.ts";

/** All data commands that clients call by name. */
export const dataCommands: readonly DataCommand[] = [
  ...stringReadCommands,
  ...stringWriteCommands,
  ...stringEditCommands,
  ...counterCommands,
  ...keyCommands,
  ...expiryCommands,
  ...databaseCommands,
  ...scanCommands,
];

const BAR = 0x7c;
const ID_MAX = 65535;

/** What a table can hold: something with a name, and perhaps a number. */
export interface Named {
  /** Lower-case ASCII; a subcommand as `client|list`. */
  readonly name: string;
  /** 1 to 65535, for those in log entries. */
  readonly id?: number;
}

/**
 * Commands by name and by id.
 *
 * Names are compared without case, straight from the bytes of the request: an open-addressed table
 * from a hash of length and bytes to the command, whose name is then compared. No string is made.
 */
export class CommandTable<T extends Named> {
  readonly #commands: readonly T[];
  readonly #names: readonly Uint8Array[];
  /** Place of a command in `#commands` plus one, by hash; 0 for a free slot. */
  readonly #slots: Uint16Array;
  readonly #mask: number;
  readonly #byName = new Map<string, T>();
  readonly #byId: (T | undefined)[] = [];
  /** Bytes of the longest name: longer words are no names, and are not hashed. */
  #longest = 0;

  /** @throws InvariantError for a name or an id that comes twice. */
  constructor(commands: readonly T[]) {
    invariant(commands.length < ID_MAX, "a command table holds less than 65535 commands");
    this.#commands = commands.slice();
    this.#names = commands.map((command) => Buffer.from(command.name, "latin1"));
    // A quarter full at most, so that a search rarely takes a second step.
    const size = 2 ** Math.ceil(Math.log2(Math.max(commands.length, 4) * 4));
    this.#slots = new Uint16Array(size);
    this.#mask = size - 1;
    for (let place = 0; place < commands.length; place++) this.#add(place);
  }

  /** All commands, in the order given. */
  get all(): readonly T[] {
    return this.#commands;
  }

  /** The command with this name, letters compared without case; never a subcommand. */
  lookup(bytes: Uint8Array, offset: number, length: number): T | undefined {
    if (length > this.#longest) return undefined;
    let slot = hashName(bytes, offset, length) & this.#mask;
    for (;;) {
      const place = this.#slots[slot]! - 1;
      if (place < 0) return undefined;
      const name = this.#names[place]!;
      if (name.length === length && equalsFolded(name, bytes, offset, length)) {
        return this.#commands[place];
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** The subcommand of a container command (`client`), given the container's name in lower case. */
  lookupSubcommand(
    container: string,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): T | undefined {
    if (length > this.#longest) return undefined;
    let text = `${container}|`;
    for (let at = offset; at < offset + length; at++) text += String.fromCharCode(bytes[at]!);
    return this.byName(text);
  }

  /**
   * The command or subcommand (`client|list`) with this name, ASCII letters compared without case.
   */
  byName(name: string): T | undefined {
    const exact = this.#byName.get(name);
    if (exact !== undefined) return exact;
    const folded = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    return this.#byName.get(folded);
  }

  /** The command with this number. */
  byId(id: number): T | undefined {
    return this.#byId[id];
  }

  #add(place: number): void {
    const command = this.#commands[place]!;
    const name = this.#names[place]!;
    const length = name.length;
    invariant(!this.#byName.has(command.name), `one command is named ${command.name}`);
    this.#byName.set(command.name, command);
    this.#longest = Math.max(this.#longest, length);
    let slot = hashName(name, 0, length) & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = place + 1;
    if (command.id === undefined) return;
    invariant(command.id >= 1 && command.id <= ID_MAX, "ids of commands are 1 to 65535");
    invariant(this.#byId[command.id] === undefined, `one command has the id ${command.id}`);
    while (this.#byId.length <= command.id) this.#byId.push(undefined);
    this.#byId[command.id] = command;
  }
}

/**
 * FNV-1a over length and bytes, those with bit 5 set, which makes capitals small (and changes what
 * no name holds).
 */
function hashName(bytes: Uint8Array, offset: number, length: number): number {
  let hash = 0x811c9dc5 ^ length;
  const end = offset + length;
  for (let at = offset; at < end; at++) hash = Math.imul(hash ^ (bytes[at]! | 0x20), 0x01000193);
  return hash ^ (hash >>> 15);
}

/**
 * Whether bytes are a name that is given in lower case. A bar never matches: subcommands are no
 * names.
 */
function equalsFolded(
  name: Uint8Array,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  for (let at = 0; at < length; at++) {
    let byte = bytes[offset + at]!;
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    if (byte !== name[at] || byte === BAR) return false;
  }
  return true;
}

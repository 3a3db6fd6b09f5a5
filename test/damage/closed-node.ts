// The data directory of a node that ran and was killed: copied for each damage, then started again.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KvorumServer, kvorumPath } from "../support/kvorum-server.ts";
import type { Lab } from "../support/lab.ts";
import type { Ending } from "../support/program.ts";
import { show } from "../support/reply.ts";
import type { RespConnection } from "../support/resp-connection.ts";
import { type LogMap, mapLog } from "./log-map.ts";

const BEFORE_SNAPSHOT = 200;
const AFTER_SNAPSHOT = 60;
/** Longer than a frame may be, so that it lies in several. */
const LONG_VALUE_BYTES = 9_000_000;
/** The log seals its last frame after 20 idle ms. */
const SEALED_AFTER_MS = 300;

/** The last write: a frame of its own. */
export const LAST_KEY = "the-last-write";

/** What became of a start. */
export interface Outcome {
  readonly ending: Ending;
  readonly output: string;
}

interface SavedFile {
  readonly path: string;
  /** Without the zeros at its end. */
  readonly bytes: Buffer;
  readonly size: number;
}

/** A closed data directory and what it holds. */
export class ClosedNode {
  readonly data: string;
  readonly log: LogMap;
  /** Path of its one snapshot, relative to the data directory. */
  readonly snapshot: string;
  readonly #lab: Lab;
  readonly #values: ReadonlyMap<string, string>;
  readonly #files: readonly SavedFile[];

  private constructor(lab: Lab, data: string, values: ReadonlyMap<string, string>) {
    this.#lab = lab;
    this.data = data;
    this.#values = values;
    this.log = mapLog(data);
    const [name] = readdirSync(join(data, "snapshots", "shard-1"));
    this.snapshot = join("snapshots", "shard-1", name!);
    this.#files = filesOf(data).map((path) => saveFile(data, path));
  }

  /** Runs a node that writes, saves a snapshot, writes more, and is killed when all is sealed. */
  static async make(lab: Lab): Promise<ClosedNode> {
    const server = await KvorumServer.start(lab);
    const values = new Map<string, string>();
    await server.with(async (connection) => {
      const write = async (key: string, value: string): Promise<void> => {
        values.set(key, value);
        expectOk(await connection.ask("SET", key, value));
      };
      for (let index = 0; index < BEFORE_SNAPSHOT; index++) await write(`a:${index}`, `${index}`);
      await saveSnapshot(connection);
      for (let index = 0; index < AFTER_SNAPSHOT; index++)
        await write(`b:${index}`, `value-${index}`);
      await write("long", "0123456789".repeat(LONG_VALUE_BYTES / 10));
      await write("c", "c");
      await pause(SEALED_AFTER_MS);
      await write(LAST_KEY, "last");
      await pause(SEALED_AFTER_MS);
    });
    await server.kill();
    // Spare files would only make copies slow.
    for (const spare of mapLog(server.data).spares) rmSync(spare);
    return new ClosedNode(lab, server.data, values);
  }

  /** A copy of it all, to be damaged. Zeros at the ends of files stay holes: copies are quick. */
  copy(): string {
    const copy = this.#lab.freshFolder("damaged");
    for (const { path, bytes, size } of this.#files) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      writeFileSync(join(copy, path), bytes);
      truncateSync(join(copy, path), size);
    }
    return copy;
  }

  /** Starts a node on a directory that it must refuse, and waits for its end. */
  async refused(data: string): Promise<Outcome> {
    const server = await KvorumServer.prepare(this.#lab, { data });
    const program = server.launch();
    try {
      return { ending: await program.end(), output: program.output };
    } finally {
      await program.kill();
    }
  }

  /**
   * Starts a node on a directory that it must accept, and compares what it holds.
   *
   * @returns What it wrote to its log, and the keys that are missing.
   * @throws Error when a value is wrong.
   */
  async accepted(data: string): Promise<{ output: string; missing: string[] }> {
    const server = await KvorumServer.start(this.#lab, { data });
    try {
      const missing = await server.with((connection) => this.#missingKeys(connection));
      return { output: server.program.output, missing };
    } finally {
      await server.kill();
    }
  }

  /** Runs `kvorum check` on a directory. */
  check(data: string): { code: number | null; output: string } {
    const args = [kvorumPath, "check", data];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    return { code: status, output: stdout + stderr };
  }

  async #missingKeys(connection: RespConnection): Promise<string[]> {
    const keys = [...this.#values.keys()];
    const { items } = await connection.call("MGET", ...keys);
    const missing = keys.filter((_, place) => items[place]!.kind === "null");
    for (const [place, key] of keys.entries()) {
      const item = items[place]!;
      if (item.kind !== "null" && item.text !== this.#values.get(key)) {
        throw new Error(`${key} is ${show(item).slice(0, 100)}`);
      }
    }
    const size = await connection.ask("DBSIZE");
    if (size !== `:${keys.length - missing.length}`) throw new Error(`there are ${size} keys`);
    return missing;
  }
}

/** Inverts bits of one byte of a file. */
export function flip(path: string, offset: number, bits = 0x01): void {
  const file = openSync(path, "r+");
  const byte = new Uint8Array(1);
  if (readSync(file, byte, 0, 1, offset) !== 1) throw new Error(`${path} has no byte ${offset}`);
  byte[0]! ^= bits;
  writeSync(file, byte, 0, 1, offset);
  closeSync(file);
}

/** Overwrites a range with zeros, as a lost write leaves it. */
export function erase(path: string, offset: number, length: number): void {
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(length), 0, length, offset);
  closeSync(file);
}

/** Size and time of the last change of every file of a directory. */
export function fingerprint(data: string): Record<string, string> {
  const entries = filesOf(data).map((path) => {
    const { size, mtimeMs } = statSync(join(data, path));
    return [path, `${size} bytes, changed ${mtimeMs}`] as const;
  });
  return Object.fromEntries(entries);
}

/** Paths of all files of a directory, relative to it. */
function filesOf(data: string): string[] {
  return readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(data, join(entry.parentPath, entry.name)));
}

function saveFile(data: string, path: string): SavedFile {
  const bytes = readFileSync(join(data, path));
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return { path, bytes: bytes.subarray(0, end), size: bytes.length };
}

async function saveSnapshot(connection: RespConnection): Promise<void> {
  expectOk(await connection.ask("CLIENT", "SETNAME", "saver"));
  await connection.call("BGSAVE");
  for (;;) {
    const info = (await connection.call("INFO", "persistence")).text;
    if (/rdb_bgsave_in_progress:0/.test(info) && /rdb_saves:[1-9]/.test(info)) return;
  }
}

function expectOk(reply: string): void {
  if (reply !== "+OK") throw new Error(reply);
}

// What a node remembers between asking to join and being a member: its token, and its one promise.
import { crc32 } from "../base/checksum.ts";
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Disk } from "../platform/disk.ts";
import type { Random } from "../platform/random.ts";
import { newClusterId } from "./identity.ts";
import { readWhole, replaceFile } from "./small-file.ts";

/** Name of the file in the data directory; gone once the node is a member. */
export const JOIN_STATE_FILE = "joining.json";
const FORMAT = 1;

interface Stored {
  /** Drawn once: the leader grants one id for it however often it is asked. */
  readonly token: string;
  /** The node with the lowest candidate id starts the cluster. */
  readonly candidate: number;
  /** Id of the cluster that this node would start. */
  readonly bootstrapId: string;
  /** The one bootstrap that this node promised itself to; empty: none yet. */
  readonly promisedTo: string;
}

/** The state of a node that is not a member yet. Every change is on disk before it counts. */
export class JoinState {
  readonly path: string;
  readonly #disk: Disk;
  readonly #directory: string;
  #stored: Stored;
  #writing: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, directory: string, stored: Stored) {
    this.#disk = disk;
    this.#directory = directory;
    this.#stored = stored;
    this.path = `${directory}/${JOIN_STATE_FILE}`;
  }

  /** @throws DbError `JOIN_STATE_CORRUPT` when the file is damaged or of a later format. */
  static async open(disk: Disk, directory: string, random: Random): Promise<JoinState> {
    const bytes = await readWhole(disk, directory, JOIN_STATE_FILE);
    if (bytes !== null) return new JoinState(disk, directory, decode(bytes, directory));
    const state = new JoinState(disk, directory, {
      token: newClusterId(random),
      candidate: (random.uint32() % 2 ** 20) * 2 ** 32 + random.uint32() + 1,
      bootstrapId: newClusterId(random),
      promisedTo: "",
    });
    await state.#save();
    return state;
  }

  get token(): string {
    return this.#stored.token;
  }

  get candidate(): number {
    return this.#stored.candidate;
  }

  get bootstrapId(): string {
    return this.#stored.bootstrapId;
  }

  get promisedTo(): string {
    return this.#stored.promisedTo;
  }

  /**
   * Promises to take part in one bootstrap and no other, for ever.
   *
   * @returns Once it is on disk; false when the promise went to another one before.
   */
  async promise(bootstrapId: string): Promise<boolean> {
    if (this.#stored.promisedTo === "") {
      this.#stored = { ...this.#stored, promisedTo: bootstrapId };
      this.#writing = this.#save();
      failpoints.reached?.("bootstrap.promise.writing");
    }
    await this.#writing;
    failpoints.reached?.("bootstrap.promise.written");
    return this.#stored.promisedTo === bootstrapId;
  }

  /** The node is a member: nothing of this matters any more. */
  async remove(): Promise<void> {
    await this.#disk.remove(this.path);
    failpoints.reached?.("joinState.removed");
    await this.#disk.syncDirectory(this.#directory);
  }

  async #save(): Promise<void> {
    const file = { format: FORMAT, checksum: checksumOf(this.#stored), state: this.#stored };
    const bytes = Buffer.from(`${JSON.stringify(file, null, 2)}\n`);
    await replaceFile(this.#disk, this.#directory, JOIN_STATE_FILE, bytes);
    failpoints.reached?.("joinState.saved");
  }
}

function decode(bytes: Uint8Array, directory: string): Stored {
  const path = `${directory}/${JOIN_STATE_FILE}`;
  let cause: unknown;
  try {
    const text = Buffer.from(bytes).toString("utf8");
    const file = JSON.parse(text) as { format: number; checksum: number; state: Stored };
    if (file.format === FORMAT && file.checksum === checksumOf(file.state)) return file.state;
  } catch (error) {
    cause = error;
  }
  throw new DbError(
    "JOIN_STATE_CORRUPT",
    `${path} is damaged or of a later release; ` +
      "this node is not a member yet, so its directory may be emptied",
    { file: path },
    cause,
  );
}

function checksumOf(stored: Stored): number {
  const { token, candidate, bootstrapId, promisedTo } = stored;
  const text = Buffer.from(JSON.stringify([token, candidate, bootstrapId, promisedTo]));
  return crc32(text, 0, text.length);
}

// Who this node is: cluster, node id, hash seed and first voters, in one small file that never
// changes.
import { crc32 } from "../base/checksum.ts";
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Disk } from "../platform/disk.ts";
import type { Random } from "../platform/random.ts";
import { readWhole, replaceFile } from "./small-file.ts";

/** Name of the file in the data directory. */
export const IDENTITY_FILE = "kvorum.json";
const FORMAT = 1;
/** Id of the node that starts a cluster; the others are numbered as they come. */
const FIRST_NODE_ID = 1;

/** What a node keeps for ever. */
export interface Identity {
  readonly clusterId: string;
  readonly nodeId: number;
  /** Seed of the keyed hash, the same on all nodes of the cluster. */
  readonly hashSeed: readonly [number, number];
  /** The voters the cluster started with: the configuration before the first log entry. */
  readonly firstVoters: readonly number[];
}

/**
 * Reads the identity of a data directory.
 *
 * @returns Null when the directory has none yet.
 * @throws DbError `IDENTITY_CORRUPT` when the file is damaged, of a later format, or missing while
 *   there is data.
 */
export async function loadIdentity(disk: Disk, directory: string): Promise<Identity | null> {
  const bytes = await readWhole(disk, directory, IDENTITY_FILE);
  if (bytes === null) {
    await refuseOldData(disk, directory);
    return null;
  }
  const text = Buffer.from(bytes).toString("utf8");
  const path = `${directory}/${IDENTITY_FILE}`;
  try {
    const file = JSON.parse(text) as { format: number; checksum: number; identity: Identity };
    if (file.format === FORMAT && file.checksum === checksumOf(file.identity)) return file.identity;
  } catch (error) {
    throw corrupt(path, error);
  }
  throw corrupt(path, undefined);
}

/** Writes the identity durably: the whole file or nothing. */
export async function saveIdentity(
  disk: Disk,
  directory: string,
  identity: Identity,
): Promise<void> {
  const file = { format: FORMAT, checksum: checksumOf(identity), identity };
  const bytes = Buffer.from(JSON.stringify(file, null, 2) + "\n");
  await replaceFile(disk, directory, IDENTITY_FILE, bytes);
  failpoints.reached?.("identity.saved");
}

/** An identity for a cluster that starts with this node alone. */
export function newIdentity(random: Random, clusterId: string = newClusterId(random)): Identity {
  return {
    clusterId,
    nodeId: FIRST_NODE_ID,
    hashSeed: [random.uint32(), random.uint32()],
    firstVoters: [FIRST_NODE_ID],
  };
}

/** A cluster id: 32 hexadecimal digits. */
export function newClusterId(random: Random): string {
  const bytes = new Uint8Array(16);
  // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- not an array's `fill`
  random.fill(bytes);
  return Buffer.from(bytes).toString("hex");
}

function checksumOf(identity: Identity): number {
  const { clusterId, nodeId, hashSeed, firstVoters } = identity;
  const text = Buffer.from(JSON.stringify([clusterId, nodeId, hashSeed, firstVoters]));
  return crc32(text, 0, text.length);
}

function corrupt(path: string, cause: unknown): DbError {
  return new DbError(
    "IDENTITY_CORRUPT",
    `${path} is damaged or of a later release: restore it from a copy, or use another --data`,
    { file: path },
    cause,
  );
}

/**
 * The identity is written before the log: a log without one belongs to a node whose file is lost.
 */
async function refuseOldData(disk: Disk, directory: string): Promise<void> {
  const names = await disk.list(directory);
  if (!names.includes("log") || (await disk.list(`${directory}/log`)).length === 0) return;
  const file = `${directory}/${IDENTITY_FILE}`;
  throw new DbError(
    "IDENTITY_CORRUPT",
    `${file} is missing, but there is data: restore it from a copy, or use another --data`,
    { file },
  );
}

// Brings a log up from its directory: find, read, make what was found durable, choose where to go
// on.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { Disk } from "../platform/disk.ts";
import { syncFile } from "../platform/disk-file.ts";
import { FrameQueue } from "./frame-queue.ts";
import { findLog, type FoundLog } from "./recovery.ts";
import { replay } from "./replay.ts";
import type { Segment } from "./segment.ts";
import { SegmentList } from "./segment-list.ts";
import { isSegmentName, SegmentPool, type SegmentPoolEvents } from "./segment-pool.ts";
import type { ShardTrack } from "./shard-track.ts";
import { frameBytesMax } from "./wal-types.ts";
import type { WalEnvironment, WalOptions, WalReport, WalVisitor } from "./wal-types.ts";

const MIB = 1024 * 1024;
/** The first segment of a new log is small, so that a first start need not wait for its zeros. */
const FIRST_SEGMENT_BYTES = 8 * MIB;
const FIRST_FILLED_BYTES = 2 * MIB;

/** The parts of a log that is open and has not written yet. */
export interface OpenedLog {
  readonly queue: FrameQueue;
  readonly segments: SegmentList;
  readonly pool: SegmentPool;
  readonly tracks: Map<number, ShardTrack>;
  readonly report: WalReport;
  /**
   * To be called when the first frame is durable: files that the log does not need are used again.
   */
  readonly settle: () => void;
}

/** Opens a log, or begins one. Throws what `Wal.open` says. */
export async function openLog(
  environment: WalEnvironment,
  directory: string,
  options: WalOptions,
  visitor: WalVisitor,
  events: SegmentPoolEvents,
): Promise<OpenedLog> {
  const { disk } = environment;
  try {
    await disk.makeDirectory(directory);
    const found = await findLog(disk, directory);
    failpoints.reached?.("recovery.log.found");
    if (options.mustExist && found.segments.length === 0) throw logLost(directory);
    return await assemble(environment, directory, options, visitor, events, found);
  } catch (error) {
    if (error instanceof DbError) throw error;
    const facts = { what: "open", file: directory };
    throw new DbError("WAL_FAILED", `the log cannot open ${directory}`, facts, error);
  }
}

function logLost(directory: string): DbError {
  const message =
    `nothing is left of the log in ${directory}, and this node has run before: put its files ` +
    "back; or remove the data directory, and start the node with --join if it is one of a cluster";
  return new DbError("LOG_LOST", message, { directory });
}

async function assemble(
  environment: WalEnvironment,
  directory: string,
  options: WalOptions,
  visitor: WalVisitor,
  events: SegmentPoolEvents,
  found: FoundLog,
): Promise<OpenedLog> {
  const { disk, random } = environment;
  const dsync = options.sync === "always" && !plantedBugs.acknowledgedBeforeSync;
  const { segmentBytes } = options;
  const pool = new SegmentPool(environment, directory, { segmentBytes, dsync }, events);
  for (const name of await disk.list(directory)) if (isSegmentName(name)) pool.noteName(name);
  const { segments: known, tracks } = replay(found, visitor);
  failpoints.reached?.("recovery.log.replayed");
  const segments = new SegmentList(pool, known, found.numberMax);
  const { lastSequence } = found;
  const active = known.at(-1);
  // What was read may be in the system's memory alone: before anybody builds on it, it is made
  // durable.
  for (const segment of known) await syncSegment(disk, segment);
  // Behind the end of a log that was not synced frame by frame, later frames may have survived the
  // one that is missing; in a new segment, with a new salt, they can never become part of the log
  // again.
  const isExact = found.cut === null && (found.cleanShutdown || !found.relaxed);
  if (active !== undefined && isExact && active.roomBytes > 0) {
    active.file = await disk.open(active.path, { mode: "write", dsync });
  } else {
    const capacity =
      known.length === 0 ? Math.min(segmentBytes, FIRST_SEGMENT_BYTES) : segmentBytes;
    const spare = await pool.makeFirst(Math.min(capacity, FIRST_FILLED_BYTES));
    segments.begin(spare, capacity, random.uint32(), lastSequence + 1, lastSequence);
  }
  failpoints.reached?.("recovery.segment.chosen");
  const settle = (): void => {
    for (const path of found.spares) void pool.giveBack(path);
  };
  const queue = new FrameQueue(frameBytesMax(segmentBytes), lastSequence + 1);
  return { queue, segments, pool, tracks, report: reportOf(found), settle };
}

function reportOf(found: FoundLog): WalReport {
  return {
    created: found.segments.length === 0 && found.cut === null,
    cleanShutdown: found.cleanShutdown,
    relaxed: found.relaxed,
    segments: found.segments.length,
    frames: found.frames,
    lastSequence: found.lastSequence,
    cut: found.cut,
  };
}

async function syncSegment(disk: Disk, segment: Segment): Promise<void> {
  const file = await disk.open(segment.path, { mode: "write" });
  try {
    await syncFile(file);
    failpoints.reached?.("recovery.segment.synced");
  } finally {
    await file.close();
  }
}

// Finds the log on the disk: which files are part of it, where it ends, whether that end is a torn
// write or damage. Each segment is read once, and what it holds is kept for replay.ts.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Disk, DiskFile } from "../platform/disk.ts";
import { type SegmentEnd, SegmentReader } from "./segment-reader.ts";
import { isSegmentName } from "./segment-pool.ts";
import { FORMAT_VERSION, FrameFlag, type SegmentHeader } from "./wal-format.ts";
import { SECTOR_BYTES, type WalCut } from "./wal-types.ts";

/** The records of one sound frame: `bytes[at, at + length)`. */
export interface FoundFrame {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
}

/** A segment of the log as found. */
export interface FoundSegment {
  readonly header: SegmentHeader;
  readonly path: string;
  /** First byte behind its last sound frame. */
  readonly end: number;
  /** Its frames with records, in order. */
  readonly frames: readonly FoundFrame[];
}

/** The log as found on the disk. */
export interface FoundLog {
  /** Oldest first; empty when there is no log. */
  readonly segments: FoundSegment[];
  /** Files that hold nothing of the log. */
  readonly spares: readonly string[];
  readonly lastSequence: number;
  readonly frames: number;
  /** Highest segment number on any file. */
  readonly numberMax: number;
  readonly cleanShutdown: boolean;
  readonly relaxed: boolean;
  readonly cut: WalCut | null;
}

interface FoundFile {
  readonly reader: SegmentReader;
  readonly header: SegmentHeader | null;
  readonly damaged: boolean;
}

/** Looks at every segment file of a directory. Throws `WAL_CORRUPT` and `WAL_VERSION`. */
export async function findLog(disk: Disk, directory: string): Promise<FoundLog> {
  const files: FoundFile[] = [];
  try {
    for (const name of await disk.list(directory)) {
      if (!isSegmentName(name)) continue;
      const file = await disk.open(`${directory}/${name}`, { mode: "read" });
      files.push(await inspect(file));
      failpoints.reached?.("recovery.file.inspected");
    }
    return await new Finder(files).find();
  } finally {
    for (const { reader } of files) await reader.close();
  }
}

async function inspect(file: DiskFile): Promise<FoundFile> {
  const reader = new SegmentReader(file, await file.size());
  const { result, frameFollows } = await reader.inspect();
  if (result.kind === "version") {
    const facts = { file: file.path, version: result.version, known: FORMAT_VERSION };
    throw new DbError("WAL_VERSION", `${file.path} was written by a later release`, facts);
  }
  const header = result.kind === "header" ? result.header : null;
  const damaged = result.kind === "damaged" || (result.kind === "empty" && frameFollows);
  return { reader, header, damaged };
}

/** What a segment's sound frames hold, and where they end. */
interface Contents {
  readonly end: SegmentEnd;
  readonly frames: readonly FoundFrame[];
  /** Of its last sound frame; 0 when it has none. */
  readonly flags: number;
  readonly oldestSegment: number;
}

/** A file that says it is a segment. It is read when somebody asks for its contents. */
class Candidate {
  readonly header: SegmentHeader;
  readonly reader: SegmentReader;
  #contents: Promise<Contents> | null = null;

  constructor(header: SegmentHeader, reader: SegmentReader) {
    this.header = header;
    this.reader = reader;
  }

  contents(): Promise<Contents> {
    this.#contents ??= this.#read();
    return this.#contents;
  }

  async #read(): Promise<Contents> {
    const frames: FoundFrame[] = [];
    let flags = 0;
    let oldestSegment = 0;
    const end = await this.reader.visit(this.header, (frame, bytes, view, at) => {
      flags = frame.flags;
      oldestSegment = frame.oldestSegment;
      const { sequence, payloadBytes: length } = frame;
      if (length > 0) frames.push({ sequence, bytes, view, at, length });
    });
    return { end, frames, flags, oldestSegment };
  }
}

type FoundEnd = Pick<FoundLog, "lastSequence" | "frames" | "cut" | "segments">;

class Finder {
  readonly #files: FoundFile[];
  readonly #byNumber = new Map<number, Candidate>();
  #numberMax = 0;
  #oldest = 0;
  #lastFlags = 0;

  constructor(files: FoundFile[]) {
    this.#files = files;
  }

  async find(): Promise<FoundLog> {
    for (const { header, reader } of this.#files) {
      if (header === null) continue;
      if (this.#byNumber.has(header.number)) {
        throw corrupt("two files say that they are the same segment", reader.path, 0, 0);
      }
      this.#byNumber.set(header.number, new Candidate(header, reader));
      this.#numberMax = Math.max(this.#numberMax, header.number);
    }
    const found = await this.#findEnd();
    failpoints.reached?.("recovery.end.found");
    await this.#checkHeaderless(found.segments, found.lastSequence);
    const kept = new Set(found.segments.map((segment) => segment.path));
    const spares = this.#files.map(({ reader }) => reader.path).filter((path) => !kept.has(path));
    const cleanShutdown = found.segments.length === 0 || (this.#lastFlags & FrameFlag.close) !== 0;
    const relaxed = (this.#lastFlags & FrameFlag.relaxed) !== 0;
    return { ...found, spares, numberMax: this.#numberMax, cleanShutdown, relaxed };
  }

  async #findEnd(): Promise<FoundEnd> {
    const { chain, beyond } = await this.#longestChain();
    const found = await this.#walk(chain, beyond);
    const last = found.segments.at(-1);
    if (found.cut === null || last === undefined) return found;
    if (last.header === chain.at(-1)?.header) return found;
    // Under relaxed sync the log may end before its newest segment; what that one said of the
    // oldest needed segment does not count then.
    const shorter = await this.#chain(last.header.number);
    return { ...(await this.#walk(shorter.chain, [])), cut: found.cut };
  }

  /**
   * The newest segments that hang together, and those `beyond` a segment that is missing. Under
   * relaxed sync that one may never have reached the disk; `walk` finds out whether anything
   * durable is lost.
   */
  async #longestChain(): Promise<{ chain: Candidate[]; beyond: Candidate[] }> {
    const beyond: Candidate[] = [];
    let last = this.#numberMax;
    for (;;) {
      const { chain, missing } = await this.#chain(last);
      if (missing === 0) return { chain, beyond };
      beyond.unshift(...chain);
      const below = [...this.#byNumber.keys()].filter((number) => number < missing);
      if (below.length === 0) throw missingSegment(chain[0]!, missing);
      last = Math.max(...below);
    }
  }

  /**
   * The segments of the log, oldest first: from a given last one back to the oldest it needs.
   * `missing` is the number of a segment that should be there, or 0.
   */
  async #chain(last: number): Promise<{ chain: Candidate[]; missing: number }> {
    const chain: Candidate[] = [];
    let segment = this.#byNumber.get(last);
    let needs = 0;
    while (segment !== undefined) {
      chain.unshift(segment);
      const { header } = segment;
      // What the last sound frame says counts; a segment may have none.
      if (needs === 0) needs = (await segment.contents()).oldestSegment;
      if (header.previous === 0 || (needs !== 0 && header.number <= needs)) break;
      segment = this.#byNumber.get(header.previous);
      if (segment === undefined) return { chain, missing: header.previous };
    }
    this.#oldest = needs;
    return { chain, missing: 0 };
  }

  /** Reads the chain to the end of the log. */
  async #walk(chain: Candidate[], beyond: Candidate[]): Promise<FoundEnd> {
    const segments: FoundSegment[] = [];
    let frames = 0;
    let lastSequence = 0;
    for (const [at, segment] of chain.entries()) {
      const { header, reader } = segment;
      const { path } = reader;
      if (reader.fileBytes < Math.min(header.filledBytes, header.capacityBytes)) {
        throw corrupt("a segment has become shorter", path, reader.fileBytes, lastSequence + 1);
      }
      const { end, flags, frames: held } = await segment.contents();
      if (end.frames > 0) this.#lastFlags = flags;
      frames += end.frames;
      segments.push({ header, path, end: end.offset, frames: held });
      lastSequence = end.nextSequence - 1;
      const next = chain[at + 1];
      if (next !== undefined && next.header.firstSequence === end.nextSequence) continue;
      const rest = [...chain.slice(at), ...beyond];
      await this.#checkBehind(rest, end.offset, end.nextSequence);
      if (!end.damaged && rest.length === 1) break;
      const cut = {
        file: path,
        offset: end.offset,
        sequence: end.nextSequence,
        bytes: Math.max(end.damagedBytes, SECTOR_BYTES),
        unsealed: !end.damagedIsEmpty,
      };
      return { segments: this.#nonEmpty(segments, frames), lastSequence, frames, cut };
    }
    return { segments: this.#nonEmpty(segments, frames), lastSequence, frames, cut: null };
  }

  #nonEmpty(segments: FoundSegment[], frames: number): FoundSegment[] {
    return frames === 0 ? [] : segments;
  }

  /** Fails when something behind the end says that what stands at the end was durable. */
  async #checkBehind(rest: Candidate[], offset: number, sequence: number): Promise<void> {
    for (const [at, segment] of rest.entries()) {
      const { header, reader } = segment;
      const from = at === 0 ? offset + SECTOR_BYTES : SECTOR_BYTES;
      const begun = at > 0 && header.durableSequence >= sequence;
      if (!begun && !(await reader.provesDurable(from, sequence, header.salt, header.number)))
        continue;
      const before = rest[at - 1]?.header.number;
      const isNext = at === 0 || header.previous === before;
      if (!isNext) throw missingSegment(segment, header.previous);
      throw corrupt("a frame is damaged", rest[0]!.reader.path, offset, sequence);
    }
  }

  /**
   * A file without a sound first sector may be the newest segment, with frames that were durable.
   */
  async #checkHeaderless(segments: FoundSegment[], lastSequence: number): Promise<void> {
    for (const { reader, damaged } of this.#files) {
      if (!damaged) continue;
      const number = Math.max(this.#oldest, segments.at(-1)?.header.number ?? 0);
      if (await reader.provesDurable(SECTOR_BYTES, lastSequence + 1, null, number)) {
        throw corrupt("a segment's header is damaged", reader.path, 0, lastSequence + 1);
      }
    }
  }
}

function missingSegment(after: Candidate, missing: number): DbError {
  const { header, reader } = after;
  return corrupt("a segment is missing", reader.path, 0, header.firstSequence, { missing });
}

function corrupt(
  what: string,
  file: string,
  offset: number,
  sequence: number,
  more: Record<string, number> = {},
): DbError {
  const facts = { file, offset, sequence, ...more };
  const place = `${file}, offset ${offset}, frame ${sequence}`;
  return new DbError("WAL_CORRUPT", `the log is damaged: ${what} (${place})`, facts);
}

// Damage of a closed data directory, place by place: refused by name, cut as a torn tail, or
// repaired. The rows are those of docs/internals/damage.md, "The whole data directory".
import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crc32 } from "../../src/base/checksum.ts";
import { Lab } from "../support/lab.ts";
import { ClosedNode, erase, fingerprint, flip, LAST_KEY } from "./closed-node.ts";
import type { MappedFrame } from "./log-map.ts";

let lab: Lab;
let node: ClosedNode;

beforeAll(async () => {
  lab = new Lab();
  node = await ClosedNode.make(lab);
});

afterAll(async () => {
  await lab.close();
});

/** Where the frame stands in a copy. */
function inCopy(frame: MappedFrame, data: string): string {
  return join(data, "log", basename(frame.path));
}

/** The frame that holds this text. */
function frameWith(text: string): MappedFrame {
  const found = node.log.frames.find((frame) => frame.text.includes(text));
  if (found === undefined) throw new Error(`no frame holds ${text}`);
  return found;
}

/** How a start was refused. */
interface Refusal {
  readonly code: number | null;
  /** Words that should have been said. */
  readonly unsaid: readonly string[];
  /** Whether a file was changed, but for new ones. */
  readonly changed: boolean;
}

const RIGHT: Refusal = { code: 1, unsaid: [], changed: false };

async function refusal(data: string, words: readonly string[], only = ""): Promise<Refusal> {
  const before = fingerprint(data);
  const { ending, output } = await node.refused(data);
  const after = fingerprint(data);
  const watched = Object.keys(before).filter((path) => path.startsWith(only));
  return {
    code: ending.code,
    unsaid: words.filter((word) => !output.includes(word)),
    changed: watched.some((path) => before[path] !== after[path]),
  };
}

test("undamaged, it starts with all data, and check finds nothing", async () => {
  const data = node.copy();
  expect(node.check(data)).toMatchObject({ code: 0 });
  const { missing } = await node.accepted(data);
  expect(missing).toEqual([]);
});

describe("kvorum check says the same", () => {
  test.each([
    {
      name: "of a frame",
      code: "WAL_CORRUPT",
      damage: (data: string) => {
        const frame = frameWith("value-30");
        flip(inCopy(frame, data), frame.offset + 70);
        return [basename(frame.path), `offset ${frame.offset}`];
      },
    },
    {
      name: "of a snapshot",
      code: "SNAPSHOT_CORRUPT",
      damage: (data: string) => {
        flip(join(data, node.snapshot), 30);
        return [basename(node.snapshot), "offset 8"];
      },
    },
    {
      name: "of the identity",
      code: "IDENTITY_CORRUPT",
      damage: (data: string) => {
        flip(join(data, "kvorum.json"), 70);
        return ["kvorum.json"];
      },
    },
  ])("$name: exit status 1, by file and offset, nothing changed", ({ code, damage }) => {
    const data = node.copy();
    const words = damage(data);
    const before = fingerprint(data);
    const checked = node.check(data);
    expect(checked.code).toBe(1);
    for (const word of [code, ...words]) expect(checked.output).toContain(word);
    expect(fingerprint(data)).toEqual(before);
  });
});

describe("a byte of a frame with sound ones behind it", () => {
  const PLACES = [
    { name: "checksum", at: 0 },
    { name: "magic", at: 4 },
    { name: "version", at: 8 },
    { name: "flags", at: 9 },
    { name: "salt", at: 12 },
    { name: "sequence", at: 16 },
    { name: "durable sequence", at: 24 },
    { name: "oldest segment", at: 32 },
    { name: "segment", at: 40 },
    { name: "length", at: 48 },
    { name: "length, made huge", at: 51 },
    { name: "record count", at: 52 },
    { name: "kind of a record", at: 64 },
    { name: "term of a record", at: 80 },
  ];

  test.each(PLACES)("$name: refused, by file and offset", async ({ at }) => {
    const frame = frameWith("value-30");
    expect(await refusalOf(frame, (path) => flip(path, frame.offset + at, 0x40))).toEqual(RIGHT);
  });

  test("data of an entry: refused, by file and offset", async () => {
    const frame = frameWith("value-30");
    const at = frame.offset + frame.text.indexOf("value-30");
    expect(await refusalOf(frame, (path) => flip(path, at))).toEqual(RIGHT);
  });

  test("the middle of a value in several frames: refused, by file and offset", async () => {
    const frame = node.log.frames.find(({ payloadBytes }) => payloadBytes > 1_000_000)!;
    expect(await refusalOf(frame, (path) => flip(path, frame.offset + 1_000_000))).toEqual(RIGHT);
  });

  test("the first frame, with the hard state: refused, by file and offset", async () => {
    const frame = node.log.frames.find(({ payloadBytes }) => payloadBytes > 0)!;
    expect(await refusalOf(frame, (path) => flip(path, frame.offset + 64 + 16))).toEqual(RIGHT);
  });

  test("a whole frame of zeros: refused, by file and offset", async () => {
    const frame = frameWith("value-30");
    expect(await refusalOf(frame, (path) => erase(path, frame.offset, frame.diskBytes))).toEqual(
      RIGHT,
    );
  });

  /** Starts a node on a copy with this damage: it is to name the frame's file and offset. */
  async function refusalOf(frame: MappedFrame, damage: (path: string) => void): Promise<Refusal> {
    const data = node.copy();
    damage(inCopy(frame, data));
    return refusal(data, ["WAL_CORRUPT", basename(frame.path), `offset ${frame.offset}`]);
  }
});

describe("the end of the log", () => {
  test("the seal is gone: nothing is lost", async () => {
    const data = node.copy();
    const seal = node.log.frames.at(-1)!;
    expect(seal.isSeal).toBe(true);
    erase(inCopy(seal, data), seal.offset, seal.diskBytes);
    expect((await node.accepted(data)).missing).toEqual([]);
  });

  test("the seal is damaged: nothing is lost, and the cut is told", async () => {
    const data = node.copy();
    const seal = node.log.frames.at(-1)!;
    flip(inCopy(seal, data), seal.offset + 16);
    const { missing, output } = await node.accepted(data);
    expect(missing).toEqual([]);
    expect(output).toContain('"unsealed":false');
  });

  test("the last write is damaged, and sealed: refused, by file and offset", async () => {
    const data = node.copy();
    const frame = frameWith(LAST_KEY);
    flip(inCopy(frame, data), frame.offset + frame.text.indexOf(LAST_KEY));
    const words = ["WAL_CORRUPT", basename(frame.path), `offset ${frame.offset}`];
    expect(await refusal(data, words)).toEqual(RIGHT);
  });

  test.each([
    { name: "the last write is torn in the middle", keptBytes: 100 },
    { name: "of the last write the front is there", keptBytes: 64 },
    { name: "of the last write nothing is there", keptBytes: 0 },
  ])("$name, and not sealed: it is cut, and the rest is there", async ({ keptBytes }) => {
    const data = node.copy();
    const frame = frameWith(LAST_KEY);
    eraseFrom(data, frame, keptBytes);
    const { missing, output } = await node.accepted(data);
    expect(missing).toEqual([LAST_KEY]);
    // Where nothing was written there is nothing to cut.
    const isCut = output.includes(`"cutOffset":${frame.offset}`);
    expect([isCut, output.includes('"unsealed":true')]).toEqual([keptBytes > 0, keptBytes > 0]);
  });

  test("cut once, it starts again without a word", async () => {
    const data = node.copy();
    eraseFrom(data, frameWith(LAST_KEY), 100);
    await node.accepted(data);
    const { missing, output } = await node.accepted(data);
    expect(missing).toEqual([LAST_KEY]);
    expect(output).not.toContain("unsealed");
  });

  function eraseFrom(data: string, frame: MappedFrame, keptBytes: number): void {
    for (const later of node.log.frames) {
      if (later.sequence < frame.sequence) continue;
      const kept = later === frame ? keptBytes : 0;
      erase(inCopy(later, data), later.offset + kept, later.diskBytes - kept);
    }
  }
});

describe("files of the log", () => {
  test("the first sector of a segment: refused, as a missing segment", async () => {
    const data = node.copy();
    flip(join(data, "log", basename(node.log.segments[0]!)), 12);
    expect(await refusal(data, ["WAL_CORRUPT", "a segment is missing"])).toEqual(RIGHT);
  });

  test("a segment that is cut short: refused, by file", async () => {
    const data = node.copy();
    const path = node.log.segments[0]!;
    truncateSync(join(data, "log", basename(path)), frameWith("value-30").offset);
    expect(await refusal(data, ["WAL_CORRUPT", basename(path)])).toEqual(RIGHT);
  });

  test("all of it gone: refused, nothing is begun anew", async () => {
    const data = node.copy();
    rmSync(join(data, "log"), { recursive: true });
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await refusal(data, ["LOG_LOST", "log"])).toEqual(RIGHT);
    }
  });

  test("all of it gone, and the note of the last run: the snapshots tell", async () => {
    const data = node.copy();
    for (const name of ["log", "run.json"]) rmSync(join(data, name), { recursive: true });
    expect(await refusal(data, ["LOG_LOST", "log"])).toEqual(RIGHT);
  });

  test("a later format: refused, by version", async () => {
    const data = node.copy();
    const path = join(data, "log", basename(node.log.segments[0]!));
    const bytes = readFileSync(path);
    bytes.writeUInt16LE(2, 8);
    bytes.writeUInt32LE(crc32(bytes, 4, 508), 0);
    writeFileSync(path, bytes);
    expect(await refusal(data, ["WAL_VERSION", basename(path)])).toEqual(RIGHT);
  });

  test("strange files beside it: no effect", async () => {
    const data = node.copy();
    writeFileSync(join(data, "log", "notes.txt"), "not a log");
    writeFileSync(join(data, "log", "wal-99999999.log"), "");
    expect((await node.accepted(data)).missing).toEqual([]);
  });
});

describe("the snapshot", () => {
  const sizeOf = (): number => statSync(join(node.data, node.snapshot)).size;

  test.each([
    { name: "magic", at: () => 0 },
    { name: "version", at: () => 7 },
    { name: "kind of the first section", at: () => 8 },
    { name: "length of the first section", at: () => 12 },
    { name: "checksum of the first section", at: () => 16 },
    { name: "text of the first section", at: () => 30 },
    { name: "the middle", at: () => Math.floor(sizeOf() / 2) },
    { name: "the end section", at: () => sizeOf() - 1 },
    { name: "checksum of the end section", at: () => sizeOf() - 10 },
  ])("$name: refused, by file and offset", async ({ at }) => {
    const data = node.copy();
    flip(join(data, node.snapshot), at());
    expect(await snapshotRefusal(data)).toEqual(RIGHT);
  });

  test.each([
    { name: "its last byte", length: () => sizeOf() - 1 },
    { name: "its end section", length: () => sizeOf() - 20 },
    { name: "its second half", length: () => Math.floor(sizeOf() / 2) },
    { name: "everything", length: () => 0 },
  ])("without $name: refused, by file", async ({ length }) => {
    const data = node.copy();
    truncateSync(join(data, node.snapshot), length());
    expect(await snapshotRefusal(data)).toEqual(RIGHT);
  });

  test("with bytes behind its end: refused, by file", async () => {
    const data = node.copy();
    appendFileSync(join(data, node.snapshot), "more");
    expect(await snapshotRefusal(data)).toEqual(RIGHT);
  });

  test("gone: refused, by its directory", async () => {
    const data = node.copy();
    rmSync(join(data, node.snapshot));
    expect(await refusal(data, ["SNAPSHOT_MISSING", "shard-1"], "snapshots")).toEqual(RIGHT);
  });

  test("an unfinished one beside it: removed", async () => {
    const data = node.copy();
    const unfinished = join(data, `${node.snapshot}.tmp`);
    writeFileSync(unfinished, "KVSNAP");
    expect((await node.accepted(data)).missing).toEqual([]);
    expect(existsSync(unfinished)).toBe(false);
  });

  /** The log is open by then, and says so in a frame of its own. */
  function snapshotRefusal(data: string): Promise<Refusal> {
    return refusal(data, ["SNAPSHOT_CORRUPT", basename(node.snapshot), "offset"], "snapshots");
  }
});

describe("the identity", () => {
  const path = (data: string): string => join(data, "kvorum.json");

  test.each([
    { name: "one letter of it", damage: (file: string) => flip(file, 70) },
    { name: "its checksum", damage: (file: string) => flip(file, 35) },
    { name: "a brace of it", damage: (file: string) => flip(file, 0) },
    { name: "its second half", damage: (file: string) => truncateSync(file, 100) },
    { name: "all of it", damage: (file: string) => truncateSync(file, 0) },
    { name: "its text, put in by hand", damage: (file: string) => writeFileSync(file, "{}\n") },
  ])("$name: refused, by file", async ({ damage }) => {
    const data = node.copy();
    damage(path(data));
    expect(await refusal(data, ["IDENTITY_CORRUPT", "kvorum.json"])).toEqual(RIGHT);
  });

  test("gone, with data there: refused, nothing is begun anew over old data", async () => {
    const data = node.copy();
    rmSync(path(data));
    const before = fingerprint(data);
    const { ending, output } = await node.refused(data);
    expect(ending.code).toBe(1);
    expect(output).toContain("kvorum.json");
    expect(fingerprint(data)).toMatchObject(before);
  });

  test.each([
    { name: "damaged", damage: (file: string) => writeFileSync(file, "{]") },
    { name: "empty", damage: (file: string) => truncateSync(file, 0) },
    { name: "gone", damage: (file: string) => rmSync(file) },
  ])("the address book $name: made again, nothing is lost", async ({ damage }) => {
    const data = node.copy();
    damage(join(data, "addresses.json"));
    expect((await node.accepted(data)).missing).toEqual([]);
  });
});

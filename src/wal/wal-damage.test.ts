// Goal: every place of damage has one expected outcome, and docs/internals/damage.md lists it.
// Method: a log of one entry per sector, then one change to its files, then an open.
import * as fs from "node:fs";
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { DbError } from "../base/errors.ts";
import { crc32 } from "../base/checksum.ts";
import { patternBytes, type OpenWal, WalMachine } from "./testing/sim-log.ts";

const SECTOR = 512;
/** Frame 1 opens the run; frames 2 to 6 hold an entry each; frame 7 is the seal. */
const LAST_DATA_FRAME = 6;

const FRAME_FIELDS = [
  { field: "checksum", at: 0 },
  { field: "magic", at: 4 },
  { field: "version", at: 8 },
  { field: "flags", at: 9 },
  { field: "salt", at: 12 },
  { field: "sequence", at: 16 },
  { field: "durable sequence", at: 24 },
  { field: "oldest segment", at: 32 },
  { field: "segment", at: 40 },
  { field: "payload bytes", at: 48 },
  { field: "record count", at: 52 },
  { field: "record header", at: 64 + 8 },
  { field: "entry bytes", at: 64 + 32 + 50 },
];

const SEGMENT_FIELDS = [
  { field: "checksum", at: 0 },
  { field: "magic", at: 4 },
  { field: "version", at: 8 },
  { field: "salt", at: 12 },
  { field: "number", at: 16 },
  { field: "first sequence", at: 24 },
  { field: "capacity", at: 32 },
  { field: "filled bytes", at: 40 },
  { field: "previous", at: 48 },
  { field: "durable sequence", at: 56 },
  { field: "the rest of the sector", at: 300 },
];

interface Damaged {
  readonly machine: WalMachine;
  /** The segment that is written. */
  readonly file: string;
}

async function makeLog(sealed: boolean): Promise<Damaged> {
  const machine = new WalMachine(1);
  const open = await machine.open();
  for (let index = 1; index < LAST_DATA_FRAME; index++) {
    open.wal.appendEntry(1, 1, index, 0, patternBytes(100, index));
    await machine.persist(open);
  }
  if (sealed) await machine.world.advance(100);
  machine.host.kill();
  const file = machine.files().find((path) => headerNumber(machine, path) === 1);
  if (file === undefined) throw new Error("the first segment is there");
  return { machine, file };
}

function headerNumber(machine: WalMachine, path: string): number {
  const bytes = machine.host.storage.contents(path);
  return bytes.length < SECTOR ? 0 : bytes.readUInt32LE(16);
}

/** What an open finds: the number of entries and the cut, or the error with its place. */
async function outcome({ machine, file }: Damaged): Promise<object> {
  let open: OpenWal;
  try {
    open = await machine.open();
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    const { offset, sequence } = error.facts;
    return { code: error.code, file: error.facts["file"] === file, offset, sequence };
  }
  const { cut } = open.report;
  const entries = open.told.shard(1).entries.size;
  if (cut === null) return { entries };
  const { offset, sequence, unsealed } = cut;
  return { entries, offset, sequence, unsealed };
}

const document = fs.readFileSync(
  new URL("../../docs/internals/damage.md", import.meta.url),
  "utf8",
);

function row(text: string): string {
  expect(document).toContain(`| ${text} |`);
  return text;
}

describe("damage in a frame", () => {
  test.each(FRAME_FIELDS)("with others behind it: $field", async ({ at }) => {
    row("a frame with a sound one behind it, any byte that counts");
    const log = await makeLog(false);
    log.machine.host.storage.flipBit(log.file, 3 * SECTOR + at, 3);
    const expected = { code: "WAL_CORRUPT", file: true, offset: 3 * SECTOR, sequence: 3 };
    expect(await outcome(log)).toEqual(expected);
  });

  test.each(FRAME_FIELDS)("the last one, with a seal behind it: $field", async ({ at }) => {
    row("the last frame with records, sealed");
    const log = await makeLog(true);
    const offset = LAST_DATA_FRAME * SECTOR;
    log.machine.host.storage.flipBit(log.file, offset + at, 3);
    const expected = { code: "WAL_CORRUPT", file: true, offset, sequence: LAST_DATA_FRAME };
    expect(await outcome(log)).toEqual(expected);
  });

  test.each(FRAME_FIELDS)("the last one, not sealed: $field", async ({ at }) => {
    row("the last frame with records, not sealed");
    const log = await makeLog(false);
    const offset = LAST_DATA_FRAME * SECTOR;
    log.machine.host.storage.flipBit(log.file, offset + at, 3);
    const cut = { offset, sequence: LAST_DATA_FRAME, unsealed: true };
    expect(await outcome(log)).toEqual({ entries: 4, ...cut });
  });

  test.each(FRAME_FIELDS.filter(({ at }) => at < 64))("the seal: $field", async ({ at }) => {
    row("the seal");
    const log = await makeLog(true);
    const offset = (LAST_DATA_FRAME + 1) * SECTOR;
    log.machine.host.storage.flipBit(log.file, offset + at, 3);
    const cut = { offset, sequence: LAST_DATA_FRAME + 1, unsealed: false };
    expect(await outcome(log)).toEqual({ entries: 5, ...cut });
  });

  test("in the zeros behind its records", async () => {
    row("the zeros between a frame's records and the end of its sector");
    const log = await makeLog(false);
    log.machine.host.storage.flipBit(log.file, 3 * SECTOR + 500, 3);
    expect(await outcome(log)).toEqual({ entries: 5 });
  });

  test("a whole sector of zeros in the middle", async () => {
    row("a frame that reads as zeros, with a sound one behind it");
    const log = await makeLog(false);
    zero(log, 3 * SECTOR, SECTOR);
    expect(await outcome(log)).toMatchObject({ code: "WAL_CORRUPT", sequence: 3 });
  });

  test("after a cut the log goes on, and the cut is no damage at the next open", async () => {
    const log = await makeLog(false);
    log.machine.host.storage.flipBit(log.file, LAST_DATA_FRAME * SECTOR + 100, 3);
    const open = await log.machine.open();
    open.wal.appendEntry(1, 1, 5, 0, Buffer.from("again"));
    await log.machine.persist(open);
    log.machine.host.kill();
    const again = await log.machine.open();
    expect(again.report.cut).toBeNull();
    expect(again.told.shard(1).entries.get(5)?.bytes.toString()).toBe("again");
  });
});

describe("damage in a segment's first sector", () => {
  test.each(SEGMENT_FIELDS)("of the newest segment: $field", async ({ at }) => {
    row("the first sector of the newest segment, two frames or more in it");
    const log = await makeLog(false);
    log.machine.host.storage.flipBit(log.file, at, 3);
    expect(await outcome(log)).toMatchObject({ code: "WAL_CORRUPT", file: true, offset: 0 });
  });

  test("that reads as zeros", async () => {
    row("the first sector of the newest segment, two frames or more in it");
    const log = await makeLog(false);
    zero(log, 0, SECTOR);
    expect(await outcome(log)).toMatchObject({ code: "WAL_CORRUPT", file: true, offset: 0 });
  });

  test("a later format is refused by its number", async () => {
    row("a segment of a later format");
    const log = await makeLog(false);
    const bytes = log.machine.host.storage.contents(log.file);
    bytes.writeUInt16LE(2, 8);
    bytes.writeUInt32LE(crc32(bytes, 4, SECTOR - 4), 0);
    log.machine.host.storage.place(log.file, bytes);
    expect(await outcome(log)).toMatchObject({ code: "WAL_VERSION" });
  });
});

describe("a file that is cut off or gone", () => {
  const sectors = Array.from({ length: 8 }, (_, at) => ({ at: (at + 1) * SECTOR }));

  test.each(sectors)("cut off at $at bytes", async ({ at }) => {
    row("a segment file that is shorter than it was begun, first sector there");
    const log = await makeLog(true);
    const bytes = log.machine.host.storage.contents(log.file);
    log.machine.host.storage.place(log.file, bytes.subarray(0, at));
    expect(await outcome(log)).toMatchObject({ code: "WAL_CORRUPT", file: true, offset: at });
  });

  test("the newest segment, emptied, is as good as gone", async () => {
    row("the newest segment file is gone or empty");
    const log = await makeLog(true);
    log.machine.host.storage.place(log.file, Buffer.alloc(0));
    expect(await outcome(log)).toEqual({ entries: 0 });
  });

  async function longLog(): Promise<WalMachine> {
    const machine = new WalMachine(1, { segmentBytes: 16 * 1024 });
    const open = await machine.open();
    for (let index = 1; index <= 100; index++) {
      open.wal.appendEntry(1, 1, index, 0, patternBytes(1_000, index));
      await machine.persist(open);
    }
    machine.host.kill();
    return machine;
  }

  test.each([{ number: 1 }, { number: 3 }])(
    "segment $number of many is gone",
    async ({ number }) => {
      row("a segment file in the middle, or the oldest, is gone or has a damaged first sector");
      const machine = await longLog();
      const file = machine.files().find((path) => headerNumber(machine, path) === number)!;
      machine.host.storage.names.remove(file);
      await expect(machine.open()).rejects.toMatchObject({
        code: "WAL_CORRUPT",
        facts: { missing: number },
      });
    },
  );

  test.each([{ number: 1 }, { number: 3 }])("segment $number has no header", async ({ number }) => {
    const machine = await longLog();
    const file = machine.files().find((path) => headerNumber(machine, path) === number)!;
    machine.host.storage.flipBit(file, 20);
    await expect(machine.open()).rejects.toMatchObject({
      code: "WAL_CORRUPT",
      facts: { missing: number },
    });
  });

  test("the last frame of a segment that is not the newest", async () => {
    row("the last frame of a segment that has a successor");
    const machine = await longLog();
    const file = machine.files().find((path) => headerNumber(machine, path) === 2)!;
    const bytes = machine.host.storage.contents(file);
    let last = 0;
    for (let at = SECTOR; at < bytes.length; at += SECTOR) {
      if (bytes.toString("latin1", at + 4, at + 8) === "KVWF") last = at;
    }
    machine.host.storage.flipBit(file, last + 200);
    await expect(machine.open()).rejects.toMatchObject({
      code: "WAL_CORRUPT",
      facts: { file, offset: last },
    });
  });

  test("damage in a spare file does not matter", async () => {
    row("a file that is not part of the log");
    const machine = await longLog();
    for (const file of machine.files()) {
      if (headerNumber(machine, file) === 0) machine.host.storage.flipBit(file, 600);
    }
    const { told } = await machine.open();
    expect(told.shard(1).entries.size).toBe(100);
  });
});

function zero({ machine, file }: Damaged, at: number, length: number): void {
  const bytes = machine.host.storage.contents(file);
  bytes.fill(0, at, at + length);
  machine.host.storage.place(file, bytes);
}

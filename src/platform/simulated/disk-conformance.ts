// What every Disk must do, written once and run on each implementation. Tests only.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import type { Disk, DiskFile } from "../disk.ts";

/** One implementation, made afresh for a test. */
export interface DiskUnderTest {
  readonly disk: Disk;
  /** An existing empty directory. */
  readonly directory: string;
  /** Waits for a promise, running the world where time is simulated. */
  readonly settle: <T>(promise: Promise<T>) => Promise<T>;
}

/** The promises of `Disk` as tests. */
export function describeDisk(name: string, make: () => Promise<DiskUnderTest>): void {
  describe(`${name} as a Disk`, () => {
    describeFiles(make);
    describeNames(make);
  });
}

function describeFiles(make: () => Promise<DiskUnderTest>): void {
  test.each([{ dsync: true }, { dsync: false }])(
    "what was written is read back, dsync: $dsync",
    async ({ dsync }) => {
      const { disk, directory, settle } = await make();
      const file = await settle(disk.open(`${directory}/a`, { mode: "create", dsync }));
      const source = Buffer.from("--hello--");
      expect(await settle(write(file, source, 2, 5, 10))).toBe(5);
      await settle(sync(file));
      expect(await settle(file.size())).toBe(15);
      const target = Buffer.alloc(20, 0xff);
      expect(await settle(file.read(target, 1, 19, 8))).toBe(7);
      expect(target.subarray(0, 9).toString("latin1")).toBe("\xff\0\0hello\xff");
      await settle(file.close());
    },
  );

  test("reading at and beyond the end gives no bytes", async () => {
    const { disk, directory, settle } = await make();
    const file = await settle(disk.open(`${directory}/a`, { mode: "create" }));
    await settle(write(file, Buffer.from("abc"), 0, 3, 0));
    expect(await settle(file.read(Buffer.alloc(4), 0, 4, 3))).toBe(0);
    expect(await settle(file.read(Buffer.alloc(4), 0, 4, 300))).toBe(0);
    await settle(file.close());
  });

  test("truncate cuts, and what grows again is zero", async () => {
    const { disk, directory, settle } = await make();
    const file = await settle(disk.open(`${directory}/a`, { mode: "create" }));
    await settle(write(file, Buffer.from("abcdef"), 0, 6, 0));
    await settle(file.truncate(2));
    expect(await settle(file.size())).toBe(2);
    await settle(file.truncate(4));
    const target = Buffer.alloc(8);
    expect(await settle(file.read(target, 0, 8, 0))).toBe(4);
    expect(target.subarray(0, 4).toString("latin1")).toBe("ab\0\0");
    await settle(file.close());
  });

  test("callbacks of writes come in later turns, never inside the call", async () => {
    const { disk, directory, settle } = await make();
    const file = await settle(disk.open(`${directory}/a`, { mode: "create" }));
    let returned = false;
    const inTurn = new Promise<boolean>((resolve) => {
      file.write(Buffer.from("x"), 0, 1, 0, () => resolve(returned));
      returned = true;
    });
    expect(await settle(inTurn)).toBe(true);
    await settle(file.close());
  });

  test.each([
    { mode: "read" as const, exists: false, outcome: "ENOENT" },
    { mode: "write" as const, exists: false, outcome: "ENOENT" },
    { mode: "exclusive" as const, exists: true, outcome: "EEXIST" },
    { mode: "create" as const, exists: true, outcome: "4 bytes" },
    { mode: "write" as const, exists: true, outcome: "4 bytes" },
    { mode: "create" as const, exists: false, outcome: "0 bytes" },
    { mode: "exclusive" as const, exists: false, outcome: "0 bytes" },
  ])("open $mode, file exists: $exists, gives $outcome", async ({ mode, exists, outcome }) => {
    const { disk, directory, settle } = await make();
    const path = `${directory}/a`;
    if (exists) {
      const file = await settle(disk.open(path, { mode: "create" }));
      await settle(write(file, Buffer.from("kept"), 0, 4, 0));
      await settle(file.close());
    }
    const sizeOf = async (): Promise<string> => {
      const file = await disk.open(path, { mode });
      const size = await file.size();
      await file.close();
      return `${size} bytes`;
    };
    expect(await settle(sizeOf().catch(codeOf))).toBe(outcome);
  });

  test("a file opened for reading refuses writes with an error", async () => {
    const { disk, directory, settle } = await make();
    await settle((await settle(disk.open(`${directory}/a`, { mode: "create" }))).close());
    const file = await settle(disk.open(`${directory}/a`, { mode: "read" }));
    await expect(settle(write(file, Buffer.from("x"), 0, 1, 0))).rejects.toMatchObject({
      code: "EBADF",
    });
    await settle(file.close());
  });
}

function describeNames(make: () => Promise<DiskUnderTest>): void {
  test("lists names in order, and nothing where there is no directory", async () => {
    const { disk, directory, settle } = await make();
    for (const name of ["b", "a", "C", "10"]) await settle(touch(disk, `${directory}/${name}`));
    expect(await settle(disk.list(directory))).toEqual(["10", "C", "a", "b"]);
    expect(await settle(disk.list(`${directory}/nothing`))).toEqual([]);
  });

  test("makes directories with their parents, and again without complaint", async () => {
    const { disk, directory, settle } = await make();
    await settle(disk.makeDirectory(`${directory}/x/y/z`));
    await settle(disk.makeDirectory(`${directory}/x/y`));
    await settle(touch(disk, `${directory}/x/y/z/file`));
    expect(await settle(disk.list(`${directory}/x/y/z`))).toEqual(["file"]);
    expect(await settle(disk.list(`${directory}/x`))).toEqual(["y"]);
    await settle(disk.syncDirectory(`${directory}/x`));
  });

  test("rename replaces the target and keeps the contents", async () => {
    const { disk, directory, settle } = await make();
    const file = await settle(disk.open(`${directory}/a`, { mode: "create" }));
    await settle(write(file, Buffer.from("abc"), 0, 3, 0));
    await settle(touch(disk, `${directory}/b`));
    await settle(disk.rename(`${directory}/a`, `${directory}/b`));
    expect(await settle(disk.list(directory))).toEqual(["b"]);
    // The open file is the same one under its new name.
    await settle(write(file, Buffer.from("d"), 0, 1, 3));
    const renamed = await settle(disk.open(`${directory}/b`, { mode: "read" }));
    expect(await settle(renamed.size())).toBe(4);
    await settle(renamed.close());
    await settle(file.close());
  });

  test("removing or renaming what is not there fails with ENOENT", async () => {
    const { disk, directory, settle } = await make();
    await expect(settle(disk.remove(`${directory}/a`))).rejects.toMatchObject({ code: "ENOENT" });
    const renaming = settle(disk.rename(`${directory}/a`, `${directory}/b`));
    await expect(renaming).rejects.toMatchObject({ code: "ENOENT" });
    const opening = settle(disk.open(`${directory}/no/a`, { mode: "create" }));
    await expect(opening).rejects.toMatchObject({ code: "ENOENT" });
    await settle(touch(disk, `${directory}/a`));
    await settle(disk.remove(`${directory}/a`));
    expect(await settle(disk.list(directory))).toEqual([]);
  });

  test("a directory has one holder at a time", async () => {
    const { disk, directory, settle } = await make();
    const lock = await settle(disk.lock(directory));
    await expect(settle(disk.lock(directory))).rejects.toMatchObject({ code: "EBUSY" });
    await settle(lock.release());
    const again = await settle(disk.lock(directory));
    await settle(again.release());
  });

  test("tells free space", async () => {
    const { disk, directory, settle } = await make();
    expect(await settle(disk.freeBytes(directory))).toBeGreaterThan(0);
  });
}

/** A write as a promise. */
export function write(
  file: DiskFile,
  source: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    file.write(source, offset, length, position, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });
}

/** A sync as a promise. */
export function sync(file: DiskFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => (error === null ? resolve() : reject(error)));
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : error;
}

async function touch(disk: Disk, path: string): Promise<void> {
  await (await disk.open(path, { mode: "create" })).close();
}

// Small files that are read and replaced whole.
import { failpoints } from "../base/failpoints.ts";
import type { Disk } from "../platform/disk.ts";
import { syncFile, writeAll } from "../platform/disk-file.ts";

/** The bytes of a file, or null when there is no such file. */
export async function readWhole(
  disk: Disk,
  directory: string,
  name: string,
): Promise<Uint8Array | null> {
  const names = await disk.list(directory);
  if (!names.includes(name)) return null;
  const file = await disk.open(`${directory}/${name}`, { mode: "read" });
  try {
    const bytes = new Uint8Array(await file.size());
    const length = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Replaces a file so that after a crash either the old or the new one is there, whole. */
export async function replaceFile(
  disk: Disk,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const path = `${directory}/${name}`;
  const file = await disk.open(`${path}.tmp`, { mode: "create" });
  try {
    await file.truncate(0);
    await writeAll(file, bytes, 0);
    failpoints.reached?.("file.written");
    await syncFile(file);
    failpoints.reached?.("file.synced");
  } finally {
    await file.close();
  }
  await disk.rename(`${path}.tmp`, path);
  failpoints.reached?.("file.renamed");
  await disk.syncDirectory(directory);
}

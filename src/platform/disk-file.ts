// What is done with open files in more than one place.
import { DbError } from "../base/errors.ts";
import type { DiskFile } from "./disk.ts";

/**
 * Writes all of `bytes`, which must not change meanwhile.
 *
 * @throws The disk's errors; DbError `SHORT_WRITE` when it takes no more without saying why.
 */
export async function writeAll(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const written = await writeSome(file, bytes, done, position + done);
    if (written === 0) {
      const facts = { file: file.path, offset: position + done };
      throw new DbError("SHORT_WRITE", `the disk took no byte for ${file.path}`, facts);
    }
    done += written;
  }
}

/** Makes what was written durable. */
export function syncFile(file: DiskFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.sync((error) => (error === null ? resolve() : reject(error)));
  });
}

function writeSome(
  file: DiskFile,
  bytes: Uint8Array,
  from: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    file.write(bytes, from, bytes.length - from, position, (error, written) =>
      error === null ? resolve(written) : reject(error),
    );
  });
}

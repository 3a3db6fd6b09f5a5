// Reads a file from front to back: while one piece is looked at, the next is on its way.
import { Buffer } from "node:buffer";
import type { DiskFile } from "./disk.ts";

const NOTHING = Buffer.alloc(0);

/**
 * The bytes `[from, to)` of a file, piece by piece; fewer when the file is shorter.
 *
 * @param reuse A piece's memory is used again: it is valid until the next one is asked for.
 * @remarks The file stays open until the generator has ended, by itself or by `return`.
 */
export async function* readAhead(
  file: Pick<DiskFile, "read">,
  from: number,
  to: number,
  pieceBytes: number,
  reuse: boolean,
): AsyncGenerator<Buffer, void, void> {
  let at = from;
  let spare: Buffer | null = null;
  const read = async (): Promise<Buffer> => {
    const length = Math.min(pieceBytes, to - at);
    if (length <= 0) return NOTHING;
    const memory = spare ?? Buffer.allocUnsafeSlow(length);
    const got = await file.read(memory, 0, length, at);
    return got === memory.length ? memory : memory.subarray(0, got);
  };
  let coming = read();
  try {
    for (let piece = await coming; piece.length > 0; piece = await coming) {
      at += piece.length;
      coming = read();
      // Who asks for the piece hears of a failure; if nobody does, nobody has to.
      coming.catch(() => NOTHING);
      yield piece;
      spare = reuse && piece.length === pieceBytes ? piece : null;
    }
  } finally {
    await coming.catch(() => NOTHING);
  }
}

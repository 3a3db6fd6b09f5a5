// Values that client tests share.

/** All 256 bytes, with line ends where they hurt. */
export const EVERY_BYTE: Buffer = Buffer.concat([
  Buffer.from("\r\n"),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.from("\r\n$-1\r\n"),
]);

/** All items of a stream or iterator that gives them in pages. */
export async function collect<T>(pages: AsyncIterable<unknown>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...(page as T[]));
  return all;
}

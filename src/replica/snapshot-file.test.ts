// Sections of a snapshot: their bytes, any cutting of the stream, any damage.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeEnd,
  encodeMeta,
  makeSection,
  Section,
  SectionParser,
  SNAPSHOT_MAGIC,
} from "./snapshot-file.ts";

const META = {
  shard: 1,
  index: 7,
  term: 2,
  timeMs: 5,
  ceilingMs: 0,
  conf: { voters: [1], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false },
  members: "",
};
const STREAM: Buffer = Buffer.concat([
  SNAPSHOT_MAGIC,
  encodeMeta(META),
  makeSection(Section.sessions, new Uint8Array(16)),
  makeSection(Section.keyspace, Buffer.from("chunk")),
  encodeEnd(3),
]);

/** Kinds of the sections that a parser hands out, and whether it saw the end. */
function parse(pieces: readonly Uint8Array[]): { kinds: number[]; complete: boolean } {
  const kinds: number[] = [];
  const parser = new SectionParser({ onSection: (kind) => kinds.push(kind) });
  for (const piece of pieces) parser.add(piece);
  return { kinds, complete: parser.complete };
}

describe("snapshot sections", () => {
  test("have these bytes", () => {
    const section = makeSection(Section.keyspace, Buffer.from("chunk"));
    expect(Buffer.from(section).toString("hex")).toBe("03000000050000003ec82fb56368756e6b");
    expect(Buffer.from(SNAPSHOT_MAGIC).toString("hex")).toBe("4b56534e41500002");
  });

  test("come out the same however the stream is cut", () => {
    const cuts = fc.array(fc.nat(STREAM.length), { maxLength: 6 });
    fc.assert(
      fc.property(cuts, (places) => {
        const sorted = [0, ...places.toSorted((left, right) => left - right), STREAM.length];
        const pieces = sorted.slice(1).map((end, at) => STREAM.subarray(sorted[at], end));
        expect(parse(pieces)).toEqual({ kinds: [1, 2, 3], complete: true });
      }),
    );
  });

  test("are never complete, or refused by name, with any bit flipped", () => {
    for (let bit = 0; bit < STREAM.length * 8; bit++) {
      const damaged = Buffer.from(STREAM);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const outcome = attempt(damaged);
      expect(["incomplete", "SNAPSHOT_CORRUPT"], `bit ${bit}`).toContain(outcome);
    }
  });

  test("of another format are refused by its number", () => {
    for (const version of [1, 3]) {
      const other = Buffer.from(STREAM);
      other[7] = version;
      expect(() => parse([other])).toThrow(`its format is ${version}, and this release reads 2`);
    }
  });

  test("behind the end are damage, and an end that counts wrongly is", () => {
    expect(attempt(Buffer.concat([STREAM, makeSection(3, new Uint8Array(0))]))).toBe(
      "SNAPSHOT_CORRUPT",
    );
    expect(attempt(Buffer.concat([SNAPSHOT_MAGIC, encodeEnd(1)]))).toBe("SNAPSHOT_CORRUPT");
    expect(attempt(STREAM.subarray(0, STREAM.length - 1))).toBe("incomplete");
  });
});

function attempt(stream: Uint8Array): string {
  try {
    return parse([stream]).complete ? "complete" : "incomplete";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

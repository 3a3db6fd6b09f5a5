// Size classes of pages, and chunks that come and go.
import { describe, expect, test } from "vitest";
import { invariant } from "../../base/invariant.ts";
import { Arena } from "./arena.ts";
import { OWN_BUFFER_CLASS, PAGE_BYTES, PAGE_BYTES_MAX, pageClassOf, Pages } from "./pages.ts";

describe("page classes", () => {
  test("grow in small steps and waste little of a chunk", () => {
    expect(PAGE_BYTES[0]).toBe(64);
    for (const [index, size] of PAGE_BYTES.entries()) {
      expect(size % 16).toBe(0);
      const room = 65_536 - 64;
      expect((room % size) / room).toBeLessThan(0.03);
      const previous = PAGE_BYTES[index - 1] ?? 48;
      expect(size / previous).toBeLessThanOrEqual(size < 8192 ? 1.34 : 1.5);
    }
  });

  test("are the smallest that fit", () => {
    for (let size = 1; size <= PAGE_BYTES_MAX; size++) {
      const pageClass = pageClassOf(size);
      const isSmallest =
        PAGE_BYTES[pageClass]! >= size && (pageClass === 0 || PAGE_BYTES[pageClass - 1]! < size);
      invariant(isSmallest, `class ${pageClass} is the smallest for ${size} bytes`);
    }
    expect(pageClassOf(PAGE_BYTES_MAX + 1)).toBe(OWN_BUFFER_CLASS);
  });
});

describe("Pages", () => {
  test("hands out zeroed pages that do not overlap, and takes all back", () => {
    const arena = new Arena();
    const pages = new Pages(arena);
    const live: { page: number; pageClass: number; mark: number }[] = [];
    let random = 5;
    for (let round = 1; round < 20_000; round++) {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      if (random % 5 < 3 || live.length === 0) {
        const pageClass = (random >>> 8) % PAGE_BYTES.length;
        const page = pages.allocate(pageClass);
        const words = arena.words[page >>> 16]!;
        const base = (page & 0xffff) << 2;
        const size = PAGE_BYTES[pageClass]! / 4;
        invariant(
          words.subarray(base, base + size).every((word) => word === 0),
          "zeroed",
        );
        words.fill(round, base, base + size);
        live.push({ page, pageClass, mark: round });
      } else {
        const [freed] = live.splice(random % live.length, 1);
        const { page, pageClass, mark } = freed!;
        const words = arena.words[page >>> 16]!;
        const base = (page & 0xffff) << 2;
        const size = PAGE_BYTES[pageClass]! / 4;
        invariant(
          words.subarray(base, base + size).every((word) => word === mark),
          "intact",
        );
        pages.free(page, pageClass);
      }
    }
    for (const { page, pageClass } of live) pages.free(page, pageClass);
    expect([pages.liveBytes, pages.chunkBytes]).toEqual([0, 0]);
    expect(arena.segments.spareBytes).toBe(arena.segments.reservedBytes);
  });
});

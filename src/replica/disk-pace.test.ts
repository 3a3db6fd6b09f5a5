// When the loop writes the log itself.
import { describe, expect, test } from "vitest";
import { DiskPace } from "./disk-pace.ts";

/** How many of `writes` asks are answered with no until one is answered with yes. */
function pauseOf(pace: DiskPace): number {
  let asks = 0;
  while (!pace.waitsForNext()) asks++;
  return asks;
}

function write(pace: DiskPace, ms: number, count = 1): void {
  for (let at = 0; at < count; at++) pace.took(ms);
}

describe("DiskPace", () => {
  test("a quick disk is waited for, from the first write on", () => {
    const pace = new DiskPace();
    for (let at = 0; at < 100; at++) {
      expect(pace.waitsForNext()).toBe(true);
      pace.took(0.3);
    }
  });

  test("a disk that is quick but for a spike now and then is waited for all the time", () => {
    const pace = new DiskPace();
    for (let at = 0; at < 1_000; at++) {
      expect(pace.waitsForNext()).toBe(true);
      pace.took(at % 100 === 0 ? 4.5 : 0.3);
    }
  });

  test("a slow write is followed by a pause, which doubles while slow ones keep coming", () => {
    const pace = new DiskPace();
    write(pace, 11);
    expect(pauseOf(pace)).toBe(256);
    write(pace, 0.2, 10);
    write(pace, 11);
    expect(pauseOf(pace)).toBe(512);
    for (let at = 0; at < 20; at++) {
      write(pace, 11);
      pauseOf(pace);
    }
    write(pace, 11);
    expect(pauseOf(pace)).toBe(4_096);
  });

  test("a long row of quick writes makes a slow one the first again", () => {
    const pace = new DiskPace();
    write(pace, 11);
    write(pace, 11);
    pauseOf(pace);
    write(pace, 0.2, 1_024);
    write(pace, 11);
    expect(pauseOf(pace)).toBe(256);
  });

  test("a disk that is never slow but never quick either is left to another thread", () => {
    const pace = new DiskPace();
    for (let at = 0; at < 100 && pace.waitsForNext(); at++) pace.took(1.5);
    expect(pace.waitsForNext()).toBe(false);
  });
});

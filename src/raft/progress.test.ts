// A leader's view of one follower: windows and refusals.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Inflights, Progress } from "./progress.ts";

function progressAt(match: number, next: number): Progress {
  const progress = new Progress(2, 4, 1000);
  progress.match = match;
  progress.next = next;
  return progress;
}

describe("Inflights", () => {
  test("is full by count or by bytes", () => {
    const byCount = new Inflights(2, 1000);
    byCount.add(1, 1);
    expect(byCount.full).toBe(false);
    byCount.add(2, 1);
    expect(byCount.full).toBe(true);
    const byBytes = new Inflights(10, 100);
    byBytes.add(1, 5000);
    expect(byBytes.full).toBe(true);
    expect(() => byBytes.add(2, 1)).toThrow("window is full");
  });

  test("frees in order, as a list does", () => {
    const act = fc.record({ add: fc.boolean(), by: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const window = new Inflights(12, 60);
        let model: { index: number; bytes: number }[] = [];
        let last = 0;
        for (const { add, by } of acts) {
          if (add && !window.full) {
            last += by;
            window.add(last, by);
            model.push({ index: last, bytes: by });
          } else {
            const upTo = last - by;
            window.freeUpTo(upTo);
            model = model.filter(({ index }) => index > upTo);
          }
          expect(window.count).toBe(model.length);
          expect(window.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
        }
      }),
    );
  });
});

describe("Progress", () => {
  test.each([
    { name: "probe, current", state: "probe", rejected: 9, hint: 5, taken: true, next: 6 },
    { name: "probe, stale", state: "probe", rejected: 7, hint: 5, taken: false, next: 10 },
    {
      name: "probe, never below match",
      state: "probe",
      rejected: 9,
      hint: 0,
      taken: true,
      next: 4,
    },
    { name: "replicate, current", state: "replicate", rejected: 8, hint: 5, taken: true, next: 4 },
    { name: "replicate, stale", state: "replicate", rejected: 3, hint: 1, taken: false, next: 10 },
    {
      name: "replicate, not sent",
      state: "replicate",
      rejected: 10,
      hint: 1,
      taken: false,
      next: 10,
    },
    { name: "snapshot", state: "snapshot", rejected: 9, hint: 5, taken: false, next: 10 },
  ] as const)("takes a refusal: $name", ({ state, rejected, hint, taken, next }) => {
    const progress = progressAt(3, 10);
    progress.state = state;
    expect(progress.maybeDecrease(rejected, hint)).toBe(taken);
    expect(progress.next).toBe(next);
    expect(progress.match).toBe(3);
  });

  test("rises, and never falls, by acknowledgements", () => {
    const progress = progressAt(3, 4);
    expect(progress.maybeUpdate(2)).toBe(false);
    expect(progress.maybeUpdate(3)).toBe(false);
    expect(progress.maybeUpdate(7)).toBe(true);
    expect([progress.match, progress.next]).toEqual([7, 8]);
  });

  test("probes behind a snapshot that arrived, and from its match when it failed", () => {
    const progress = progressAt(3, 4);
    progress.becomeSnapshot(20);
    progress.becomeProbe();
    expect([progress.state, progress.next]).toEqual(["probe", 21]);
    progress.becomeSnapshot(20);
    progress.snapshotIndex = 0;
    progress.becomeProbe();
    expect(progress.next).toBe(4);
  });

  test("forgets what an earlier life acknowledged, and probes from its end", () => {
    const progress = progressAt(9, 12);
    progress.state = "replicate";
    progress.inflights.add(11, 10);
    progress.setDoubt(77, 4);
    expect(progress.view()).toMatchObject({
      state: "probe",
      match: 4,
      next: 10,
      inflightMessages: 0,
    });
    progress.setDoubt(0, 3);
    expect([progress.doubt, progress.match]).toEqual([0, 4]);
  });

  test("keeps waiting for a snapshot whose receiver forgot something", () => {
    const progress = progressAt(9, 12);
    progress.becomeSnapshot(20);
    progress.setDoubt(77, 4);
    expect(progress.view()).toMatchObject({ state: "snapshot", match: 4, snapshotIndex: 20 });
  });
});

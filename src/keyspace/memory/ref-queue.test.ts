// The queue of references, against an array.
import { expect, test } from "vitest";
import { RefQueue } from "./ref-queue.ts";

test("a queue gives back what it got, in order, however it grows", () => {
  const queue = new RefQueue();
  const model: number[] = [];
  let next = 4_294_000_000;
  for (let round = 0; round < 2000; round++) {
    const grows = Math.floor(round / 300) % 2 === 0;
    for (let count = 0; count < (grows ? 3 : 1); count++) {
      queue.push(++next);
      model.push(next);
    }
    for (let count = 0; count < (grows ? 1 : 3); count++) {
      expect(queue.peek()).toBe(model[0] ?? 0);
      expect(queue.shift()).toBe(model.shift() ?? 0);
    }
    expect(queue.length).toBe(model.length);
  }
});

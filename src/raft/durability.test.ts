// What counts as being on disk, and which messages that frees.
import { describe, expect, test } from "vitest";
import { Durability } from "./durability.ts";
import { MessageType } from "./types.ts";
import type { Draft } from "./types.ts";

function ack(index: number): Draft {
  return {
    type: MessageType.appendResponse,
    from: 2,
    to: 1,
    term: 1,
    logTerm: 0,
    index,
    commit: 0,
    entries: [],
    reject: false,
    rejectHint: 0,
    rejectHintTerm: 0,
    context: 0,
    round: 0,
    snapshot: null,
  };
}

describe("Durability", () => {
  test("writes become durable in order, and a later one covers the earlier", () => {
    const durable = new Durability(0, 0);
    durable.begin(3, 0);
    durable.begin(5, 2);
    durable.done(1, []);
    expect([durable.persistedIndex, durable.persistedCommit]).toEqual([3, 0]);
    durable.done(2, []);
    expect([durable.persistedIndex, durable.persistedCommit]).toEqual([5, 2]);
    durable.done(1, []);
    expect(durable.persistedIndex).toBe(5);
    expect(() => durable.done(3, [])).toThrow("handed out");
  });

  test("a cut lowers what older writes cover, also when the same entries come again", () => {
    const durable = new Durability(0, 0);
    durable.begin(5, 0);
    durable.onTruncate(4);
    durable.begin(4, 0);
    durable.onTruncate(4);
    durable.begin(5, 0);
    durable.done(1, []);
    expect(durable.persistedIndex).toBe(3);
    durable.done(2, []);
    expect(durable.persistedIndex).toBe(3);
    durable.done(3, []);
    expect(durable.persistedIndex).toBe(5);
  });

  test("a cut below what is on disk takes it back until it is written anew", () => {
    const durable = new Durability(5, 0);
    durable.onTruncate(3);
    expect([durable.persistedIndex, durable.handedIndex]).toEqual([2, 2]);
  });

  test("a snapshot covers nothing before its own write", () => {
    const durable = new Durability(5, 0);
    durable.begin(6, 0);
    durable.onReset(20);
    durable.done(1, []);
    expect(durable.persistedIndex).toBe(0);
    durable.begin(22, 20);
    durable.done(2, []);
    expect(durable.persistedIndex).toBe(22);
  });

  test("messages wait for the write after them, and go at once when all is durable", () => {
    const durable = new Durability(0, 0);
    const out: Draft[] = [];
    durable.hold(ack(1));
    durable.tagFresh(out);
    expect(out.map(({ index }) => index)).toEqual([1]);
    durable.begin(2, 0);
    durable.hold(ack(2));
    durable.tagFresh(out);
    durable.hold(ack(3));
    durable.begin(3, 0);
    durable.tagFresh(out);
    expect(out).toHaveLength(1);
    durable.done(1, out);
    expect(out.map(({ index }) => index)).toEqual([1, 2]);
    durable.done(2, out);
    expect(out.map(({ index }) => index)).toEqual([1, 2, 3]);
  });
});

// When a turn of the loop waits for its own write.
import { describe, expect, test } from "vitest";
import { NullReply } from "../resp/null-reply.ts";
import { LoneWriter } from "./lone-writer.ts";
import type { ReplyTarget } from "./reply-target.ts";

function session(sessionId: number): ReplyTarget {
  return {
    protocol: 2,
    sessionId,
    acknowledged: 0,
    openReply: () => new NullReply(),
    closeReply: () => {},
    failReply: () => {},
    rawReply: () => {},
  };
}

function noted(writer: LoneWriter, targets: readonly (ReplyTarget | null)[]): boolean {
  for (const target of targets) writer.note(target);
  return writer.isAlone;
}

describe("LoneWriter", () => {
  const one = session(1);
  const other = session(2);

  test("one session, batch after batch", () => {
    expect(noted(new LoneWriter(), new Array(8).fill(one))).toBe(false);
    expect(noted(new LoneWriter(), new Array(9).fill(one))).toBe(true);
  });

  test.each([
    { name: "another session", between: other },
    { name: "several sessions in one batch", between: null },
  ])("$name ends it at once", ({ between }) => {
    const writer = new LoneWriter();
    expect(noted(writer, [...new Array(20).fill(one), between])).toBe(false);
  });

  test("a slow write ends it for a long time", () => {
    const writer = new LoneWriter();
    noted(writer, new Array(20).fill(one));
    writer.took(1.5);
    expect(noted(writer, new Array(1000).fill(one))).toBe(false);
    expect(noted(writer, [other, ...new Array(1000).fill(one)])).toBe(false);
    expect(noted(writer, new Array(1000).fill(one))).toBe(true);
  });
});

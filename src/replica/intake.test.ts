// How many operations a session may have open at a node that does not lead.
import { describe, expect, test } from "vitest";
import { sessionOperationsMax } from "./intake.ts";

const MIB = 1024 * 1024;

describe("the part of one session", () => {
  test.each([
    { name: "nobody else", operations: 0, bytes: 0, sessions: 0, nodes: 3, part: 16_384 },
    { name: "ten others", operations: 99, bytes: 0, sessions: 9, nodes: 3, part: 1_638.4 },
    { name: "very many others", operations: 99, bytes: 0, sessions: 9_999, nodes: 3, part: 16 },
    { name: "more nodes", operations: 0, bytes: 0, sessions: 0, nodes: 5, part: 8_192 },
    { name: "very many nodes", operations: 0, bytes: 0, sessions: 0, nodes: 500, part: 1_024 },
    { name: "two nodes", operations: 0, bytes: 0, sessions: 0, nodes: 2, part: 32_768 },
    {
      name: "as many as there may be",
      operations: 16_384,
      bytes: 0,
      sessions: 1,
      nodes: 3,
      part: 8_192,
    },
    { name: "one too many", operations: 16_385, bytes: 0, sessions: 1, nodes: 3, part: 16 },
    { name: "too many bytes", operations: 9, bytes: 4 * MIB + 1, sessions: 1, nodes: 3, part: 1 },
  ])("$name", ({ operations, bytes, sessions, nodes, part }) => {
    expect(sessionOperationsMax(operations, bytes, sessions, nodes)).toBe(part);
  });
});

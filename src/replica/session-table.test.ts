// Exactly-once for retried writes.
import { describe, expect, test } from "vitest";
import { SESSION_IDLE_MS_MAX, SessionTable } from "./session-table.ts";

const REPLY = Uint8Array.from(Buffer.from(":1\r\n"));

describe("SessionTable", () => {
  test("an operation runs once and its retry gets the same reply", () => {
    const table = new SessionTable();
    expect(table.arrive(9, 4, 4, 0).kind).toBe("new");
    table.remember(9, 4, REPLY);
    expect(table.arrive(9, 4, 4, 1)).toEqual({ kind: "duplicate", reply: REPLY });
  });

  test("a refused operation that comes later than its successor still runs", () => {
    const table = new SessionTable();
    table.arrive(9, 5, 4, 0);
    table.remember(9, 5, REPLY);
    expect(table.arrive(9, 4, 4, 1).kind).toBe("new");
  });

  test("replies that the client has are dropped, and their retries are not run again", () => {
    const table = new SessionTable();
    table.arrive(9, 4, 4, 0);
    table.remember(9, 4, REPLY);
    table.arrive(9, 5, 5, 0);
    expect(table.arrive(9, 4, 4, 0).kind).toBe("forgotten");
  });

  test("idle sessions are forgotten by shard time alone", () => {
    const table = new SessionTable();
    table.arrive(9, 4, 4, 1000);
    table.sweep(SESSION_IDLE_MS_MAX);
    expect(table.size).toBe(1);
    table.sweep(1001 + SESSION_IDLE_MS_MAX + 60_000);
    expect(table.size).toBe(0);
  });

  test("survives a snapshot", () => {
    const table = new SessionTable();
    for (const sequence of [3, 4, 5]) {
      table.arrive(9, sequence, 3, 77);
      table.remember(9, sequence, Uint8Array.of(sequence));
    }
    table.arrive(2 ** 52, 0, 0, 78);
    const copy = new SessionTable();
    copy.decode(table.encode());
    expect(copy.encode()).toEqual(table.encode());
    expect(copy.arrive(9, 5, 3, 80)).toEqual({ kind: "duplicate", reply: Uint8Array.of(5) });
  });
});

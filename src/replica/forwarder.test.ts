// Operations forwarded to other nodes: their order, refusals, retries, the end of patience.
import { beforeEach, describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { RespWriter } from "../resp/writer.ts";
import { Batch, LOCAL, LOGGED } from "./batch.ts";
import { type ForwardAnswer, Forwarder } from "./forwarder.ts";
import type { ReplyTarget } from "./reply-target.ts";

const FIRST_REQUEST = 1_000;
const RETRY_MS = 50;
const TOO_LATE_MS = 8_001;
const LARGE_BYTES = 100_000;
const DONE: ForwardAnswer = { kind: "done", reply: Buffer.from("+OK\r\n") };
const NOT_LEADER: ForwardAnswer = { kind: "notLeader" };

class TestTarget implements ReplyTarget {
  readonly protocol = 2;
  readonly acknowledged = 0;
  readonly sessionId: number;
  readonly replies: string[] = [];

  constructor(sessionId: number) {
    this.sessionId = sessionId;
  }

  openReply(): Reply {
    return new RespWriter(64);
  }

  closeReply(): void {}

  rawReply(sequence: number, bytes: Uint8Array): void {
    this.replies.push(`${sequence}${Buffer.from(bytes).toString().trim()}`);
  }

  failReply(sequence: number, error: string): void {
    this.replies.push(`${sequence}-${error.split(" ")[0]}`);
  }
}

describe("Forwarder", () => {
  let nowMs: number;
  let isUp: boolean;
  /** What was sent: node, session and sequence. */
  let sent: string[];
  let forwarder: Forwarder;
  let requests: Map<string, number>;
  let targets: Map<number, TestTarget>;

  beforeEach(() => {
    nowMs = 100;
    isUp = true;
    sent = [];
    requests = new Map();
    targets = new Map();
    const send = (
      to: number,
      operation: { session: number; sequence: number; request: number },
    ) => {
      if (!isUp) return false;
      const name = `${operation.session}.${operation.sequence}`;
      sent.push(`${to}:${name}`);
      requests.set(name, operation.request);
      return true;
    };
    forwarder = new Forwarder(send, () => nowMs, FIRST_REQUEST);
  });

  function target(session: number): TestTarget {
    const known = targets.get(session) ?? new TestTarget(session);
    targets.set(session, known);
    return known;
  }

  /** Operations named `session.sequence`; a read with `r` behind it, a large one with `l`. */
  function forward(leader: number, ...names: string[]): void {
    const batch = new Batch();
    const args = new Args();
    for (const name of names) {
      const [session, sequence] = name.split(".").map(Number.parseFloat);
      const bytes = Buffer.alloc(name.endsWith("l") ? LARGE_BYTES : 3);
      args.setMemory(bytes, viewOf(bytes));
      args.reserve(2);
      args.count = 2;
      args.offsets.fill(0, 0, 2);
      args.lengths.fill(bytes.length, 0, 2);
      batch.add(name.endsWith("r") ? LOCAL : LOGGED, 1, 0, args, target(session!), sequence!);
    }
    forwarder.forward(batch, leader);
  }

  function answer(from: number, name: string, what: ForwardAnswer): void {
    forwarder.onAnswer(from, requests.get(name)!, what);
  }

  /** What was sent since the last call. */
  function newlySent(): string[] {
    return sent.splice(0);
  }

  test("asks with one operation of each session whether the node takes them, then streams", () => {
    forward(2, "1.0", "1.1", "2.0", "1.2", "2.1");
    expect(newlySent()).toEqual(["2:1.0", "2:2.0"]);
    answer(2, "1.0", DONE);
    expect(newlySent()).toEqual(["2:1.1", "2:1.2", "2:2.1"]);
    forward(2, "1.3", "1.4", "3.0");
    expect(newlySent()).toEqual(["2:1.3", "2:1.4", "2:3.0"]);
    expect(target(1).replies).toEqual(["0+OK"]);
  });

  test("what came before a new leader goes there before what came after", () => {
    forward(2, "1.0");
    answer(2, "1.0", DONE);
    forward(2, "1.1", "1.2");
    newlySent();
    forward(3, "1.3");
    expect(newlySent()).toEqual(["3:1.1"]);
    answer(3, "1.1", DONE);
    expect(newlySent()).toEqual(["3:1.2", "3:1.3"]);
  });

  test("a late answer of the last leader counts, but says nothing about the new one", () => {
    forward(2, "1.0", "1.1", "1.2");
    forwarder.sendAll(3);
    newlySent();
    answer(2, "1.0", DONE);
    expect(target(1).replies).toEqual(["0+OK"]);
    expect(newlySent()).toEqual(["3:1.1"]);
  });

  describe("a leader that takes no writes now", () => {
    const FULL: ForwardAnswer = { kind: "done", reply: Buffer.from("-MISCONF disk full\r\n") };

    test("says so of a write that nobody else has had", () => {
      forward(2, "1.0");
      answer(2, "1.0", NOT_LEADER);
      forwarder.sendAll(3);
      answer(3, "1.0", FULL);
      expect(target(1).replies).toEqual(["0-MISCONF disk full"]);
    });

    test("says nothing of what an earlier leader did with the write", () => {
      forward(2, "1.0");
      forwarder.sendAll(3);
      answer(3, "1.0", FULL);
      expect(target(1).replies).toEqual(["0-UNCERTAIN"]);
    });

    test("says nothing of a write that came back while this node led", () => {
      forward(2, "1.0");
      for (const batch of forwarder.comeBack()) forwarder.forward(batch, 3);
      answer(3, "1.0", FULL);
      expect(target(1).replies).toEqual(["0-UNCERTAIN"]);
    });
  });

  test("a write that came back, and that nobody leads to, is uncertain", () => {
    forward(2, "1.0", "1.1r");
    for (const batch of forwarder.comeBack()) batch.fail("CLUSTERDOWN", "UNCERTAIN");
    expect(target(1).replies).toEqual(["0-UNCERTAIN", "1-CLUSTERDOWN"]);
  });

  test("nothing passes an operation that was refused", () => {
    forward(2, "1.0");
    answer(2, "1.0", DONE);
    forward(2, "1.1", "1.2", "2.0");
    newlySent();
    answer(2, "1.1", NOT_LEADER);
    forward(2, "1.3");
    answer(2, "2.0", DONE);
    forwarder.tick(nowMs);
    expect(newlySent()).toEqual([]);
    answer(2, "1.2", NOT_LEADER);
    nowMs += RETRY_MS;
    forwarder.tick(nowMs);
    expect(newlySent()).toEqual(["2:1.1"]);
    answer(2, "1.1", DONE);
    expect(newlySent()).toEqual(["2:1.2", "2:1.3"]);
  });

  test("a large operation, which takes another connection, travels alone in its session", () => {
    forward(2, "1.0");
    answer(2, "1.0", DONE);
    newlySent();
    forward(2, "1.1", "1.2l", "1.3", "1.4", "2.0l");
    expect(newlySent()).toEqual(["2:1.1", "2:2.0"]);
    answer(2, "1.1", DONE);
    expect(newlySent()).toEqual(["2:1.2"]);
    answer(2, "1.2", DONE);
    expect(newlySent()).toEqual(["2:1.3", "2:1.4"]);
  });

  test("what finds no connection goes when there is one", () => {
    isUp = false;
    forward(2, "1.0", "1.1");
    isUp = true;
    forwarder.sendAll(2);
    expect(newlySent()).toEqual(["2:1.0"]);
    answer(2, "1.0", DONE);
    expect(newlySent()).toEqual(["2:1.1"]);
  });

  test("sends what was refused once there is room", () => {
    isUp = false;
    forward(2, "1.0", "2.0");
    isUp = true;
    forwarder.onRoom(3);
    expect(newlySent()).toEqual([]);
    forwarder.onRoom(2);
    expect(newlySent()).toEqual(["2:1.0", "2:2.0"]);
  });

  test("counts what is on its way, and the replies that it will bring", () => {
    forward(2, "1.0", "1.1", "2.0");
    const before = forwarder.bytesInFlight;
    expect([forwarder.count, forwarder.sessions]).toEqual([3, 2]);
    expect(before).toBe(forwarder.pendingBytes);
    answer(2, "1.0", { kind: "done", reply: Buffer.alloc(32_000) });
    expect(forwarder.bytesInFlight).toBe(forwarder.pendingBytes + 2 * 1_000);
  });

  test("gives up in time, and says what is certain", () => {
    forward(2, "1.0", "1.1", "2.0r");
    nowMs += TOO_LATE_MS;
    expect(forwarder.tick(nowMs)).toBe(true);
    // 1.1 never left this node, and a read that is not answered is as if it had never been.
    expect(target(1).replies).toEqual(["0-UNCERTAIN", "1-CLUSTERDOWN"]);
    expect(target(2).replies).toEqual(["0-CLUSTERDOWN"]);
    expect(forwarder.count).toBe(0);
    expect(forwarder.pendingBytes).toBe(0);
  });

  test("hands everything back in order when this node leads", () => {
    forward(2, "1.0", "1.1r", "2.0");
    const [batch, ...others] = forwarder.comeBack();
    expect(others).toEqual([]);
    expect(batch!.sequences.slice(0, batch!.count)).toEqual([0, 1, 0]);
    expect(batch!.loggedCount).toBe(2);
    expect(batch!.sinceMs).toBe(nowMs);
    expect(forwarder.count).toBe(0);
    newlySent();
    forwarder.tick(nowMs);
    expect(newlySent()).toEqual([]);
  });

  test("an answer to a question of an earlier life is nobody's", () => {
    forward(2, "1.0");
    forwarder.onAnswer(2, 1, DONE);
    expect(target(1).replies).toEqual([]);
    expect(requests.get("1.0")).toBe(FIRST_REQUEST);
  });
});

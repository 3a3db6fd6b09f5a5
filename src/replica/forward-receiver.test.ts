// The leader's answers to other nodes: none is lost for want of room.
import { describe, expect, test } from "vitest";
import type { ForwardAnswer } from "./forwarder.ts";
import { ForwardReceiver } from "./forward-receiver.ts";
import type { Replica } from "./replica.ts";

/** Answers every operation at once with its request number. */
function replica(isLeader = true): Replica {
  const answers = {
    isLeader,
    submitEncoded(
      _isWrite: boolean,
      _bytes: Uint8Array,
      _view: DataView,
      _at: number,
      _length: number,
      target: { rawReply(request: number, bytes: Uint8Array): void },
      request: number,
    ): void {
      target.rawReply(request, Buffer.from(`+${request}\r\n`));
    },
  };
  return answers as unknown as Replica;
}

class Nodes {
  /** Answers that go out before there is no room. */
  room = 0;
  readonly sent: string[] = [];
  readonly receiver = new ForwardReceiver(
    (to, request, answer) => this.#send(to, request, answer),
    () => false,
  );

  #send(to: number, request: number, answer: ForwardAnswer): boolean {
    if (this.room === 0) return false;
    this.room--;
    this.sent.push(`${to}:${request} ${answer.kind}`);
    return true;
  }

  ask(from: number, request: number, leads = true): void {
    const operation = {
      request,
      session: 1,
      acknowledged: 0,
      protocol: 2,
      isWrite: true,
      bytes: new Uint8Array(1),
    };
    this.receiver.onOperation(replica(leads), from, operation, null);
  }
}

describe("an answer", () => {
  test("waits for room, and those behind it wait too", () => {
    const nodes = new Nodes();
    nodes.room = 1;
    for (const request of [1, 2, 3]) nodes.ask(7, request);
    nodes.room = 2;
    nodes.ask(7, 4);
    nodes.ask(8, 5);
    expect(nodes.sent).toEqual(["7:1 done", "8:5 done"]);
    nodes.receiver.sendUnsent(7);
    expect(nodes.sent.slice(2)).toEqual(["7:2 done"]);
    nodes.room = 9;
    nodes.receiver.tick();
    expect(nodes.sent.slice(3)).toEqual(["7:3 done", "7:4 done"]);
    nodes.receiver.tick();
    nodes.ask(7, 6);
    expect(nodes.sent.slice(5)).toEqual(["7:6 done"]);
  });

  test("that somebody else leads waits as well", () => {
    const nodes = new Nodes();
    nodes.ask(7, 1, false);
    nodes.room = 1;
    nodes.receiver.tick();
    expect(nodes.sent).toEqual(["7:1 notLeader"]);
  });
});

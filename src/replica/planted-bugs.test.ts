// What a client would see of the bugs that are planted in a replica, one part at a time.
import { describe, expect, test } from "vitest";
import { plant } from "../base/testing/plant.ts";
import { appliedCommands } from "../commands/applied-commands.ts";
import { MemoryKeyspace } from "../keyspace/memory/memory-keyspace.ts";
import { type Message, MessageType } from "../raft/types.ts";
import { Args } from "../resp/args.ts";
import { NullReply } from "../resp/null-reply.ts";
import { Applier } from "./applier.ts";
import { Lease } from "./lease.ts";
import { LeaseGuard } from "./lease-guard.ts";
import { Operations } from "./operations.ts";
import type { ReplyTarget } from "./reply-target.ts";
import { SessionTable } from "./session-table.ts";
import { ShardClock } from "./shard-clock.ts";
import { SnapshotStream } from "./snapshot-stream.ts";
import { SnapshotInstaller } from "./snapshots.ts";

const VOTE: Message = {
  type: MessageType.vote,
  from: 2,
  to: 1,
  term: 5,
  logTerm: 4,
  index: 9,
  commit: 0,
  entries: [],
  reject: false,
  rejectHint: 0,
  rejectHintTerm: 0,
  context: 0,
  round: 0,
  snapshot: null,
};

class Target implements ReplyTarget {
  readonly protocol = 2;
  readonly sessionId = 1;
  readonly acknowledged = 0;
  readonly errors: string[] = [];
  openReply(): NullReply {
    return new NullReply();
  }
  closeReply(): void {}
  rawReply(): void {}
  failReply(_sequence: number, error: string): void {
    this.errors.push(error.split(" ")[0]!);
  }
}

/** Operations of one connection, to which `GET`s and `SET`s can be added. */
function connection(): { operations: Operations; target: Target; add: (word: string) => void } {
  const operations = new Operations({ monotonicMs: () => 0, wallMs: () => 0 });
  const target = new Target();
  const args = new Args();
  args.count = 1;
  let sequence = 0;
  const add = (word: string): void => {
    const command = appliedCommands.byName(word)!;
    operations.add(command, word === "set", true, 0, args, target, sequence++);
  };
  return { operations, target, add };
}

function newApplier(): Applier {
  return new Applier(new MemoryKeyspace({ seed0: 1, seed1: 2 }), appliedCommands);
}

describe("with a planted bug", () => {
  test("leaseFromAcknowledgement: a leader that came back from a pause reads unasked", () => {
    plant("leaseFromAcknowledgement");
    const lease = new Lease(500);
    lease.sent(1, 1_000);
    lease.acknowledged(1);
    lease.sent(2, 3_000);
    lease.acknowledged(1);
    expect(lease.holds(3_001)).toBe(true);
  });

  test("leaseKeptAfterTransfer: a leader that asked another to stand reads unasked", () => {
    plant("leaseKeptAfterTransfer");
    const lease = new Lease(500);
    lease.sent(1, 1_000);
    lease.acknowledged(1);
    lease.forbid();
    expect(lease.holds(1_001)).toBe(true);
  });

  test("voteInsideLease: a voter that starts anew votes at once", () => {
    plant("voteInsideLease");
    const clock = { monotonicMs: () => 0, wallMs: () => 0 };
    expect(new LeaseGuard(clock, 500, true).refuses(VOTE)).toBe(false);
  });

  test("expiryBySlowClock: a new leader reads with a time before its predecessor's", () => {
    plant("expiryBySlowClock");
    const clock = { monotonicMs: () => 0, wallMs: () => 10_000 };
    const state = { appliedIndex: 0, timeMs: 9_900, ceilingMs: 10_900, holdsExpiries: true };
    const shardClock = new ShardClock(clock, () => state);
    shardClock.lead();
    expect(shardClock.readMs()).toBeLessThan(state.ceilingMs);
  });

  test("forwardedTwice: a write that comes again is run again", () => {
    plant("forwardedTwice");
    const table = new SessionTable();
    table.arrive(9, 4, 4, 0);
    table.remember(9, 4, Uint8Array.from(Buffer.from(":1\r\n")));
    expect(table.arrive(9, 4, 4, 1).kind).toBe("new");
  });

  test("retriesLostInSnapshot: whoever starts from it does not know what was run", () => {
    plant("retriesLostInSnapshot");
    const source = newApplier();
    source.sessions.arrive(9, 4, 4, 0);
    source.sessions.remember(9, 4, Uint8Array.from(Buffer.from(":1\r\n")));
    const conf = {
      voters: [1],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    };
    const meta = { shard: 1, index: 3, term: 1, timeMs: 0, ceilingMs: 0, conf, members: "" };
    const stream = new SnapshotStream(source, meta);
    const copy = newApplier();
    const installer = new SnapshotInstaller(copy);
    for (let piece = stream.next(); piece !== null; piece = stream.next()) installer.add(piece);
    installer.finish();
    expect(copy.sessions.arrive(9, 4, 4, 1).kind).toBe("new");
  });

  test("uncertainAsRetry: a write that may happen is said not to have happened", () => {
    plant("uncertainAsRetry");
    const { operations, target, add } = connection();
    add("set");
    operations.onProposed(1, 10);
    operations.failProposed(() => true);
    expect(target.errors).toEqual(["CLUSTERDOWN"]);
  });

  test("localReadOutOfOrder: a read does not wait for the write before it", () => {
    plant("localReadOutOfOrder");
    const { operations, add } = connection();
    add("set");
    operations.onProposed(1, 10);
    add("get");
    expect(operations.takeReads()?.sequences[0]).toBe(1);
  });
});

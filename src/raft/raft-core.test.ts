// The core's contract with its shell, case by case; whole stories are in test/raft.
import { describe, expect, test } from "vitest";
import { EMPTY_CONF } from "./conf-change.ts";
import { encodeConf } from "./conf-codec.ts";
import { RaftCore } from "./raft-core.ts";
import { resolveRaftConfig } from "./raft-config.ts";
import { EntryType, MessageType, Role } from "./types.ts";
import type { ConfState, Entry, InitialState, Message, RaftConfig } from "./types.ts";

const THREE: ConfState = { ...EMPTY_CONF, voters: [1, 2, 3] };
const NOTHING = new Uint8Array(0);

function entry(index: number, term: number, conf?: ConfState): Entry {
  if (conf === undefined) return { index, term, type: EntryType.normal, data: new Uint8Array(10) };
  return { index, term, type: EntryType.config, data: encodeConf(conf, NOTHING) };
}

function entries(...terms: number[]): Entry[] {
  return terms.map((term, at) => entry(at + 1, term));
}

function initialOf(given: Partial<InitialState> = {}): InitialState {
  return {
    hardState: { term: 1, vote: 0, commit: 0 },
    conf: THREE,
    entries: [],
    snapshotIndex: 0,
    snapshotTerm: 0,
    appliedIndex: 0,
    ...given,
  };
}

function coreOf(initial: Partial<InitialState> = {}, config: Partial<RaftConfig> = {}): RaftCore {
  return new RaftCore(resolveRaftConfig({ id: 1, ...config }), initialOf(initial), () => 7);
}

function message(given: Partial<Message> & { readonly type: MessageType }): Message {
  return {
    from: 2,
    to: 1,
    term: 1,
    logTerm: 0,
    index: 0,
    commit: 0,
    entries: [],
    reject: false,
    rejectHint: 0,
    rejectHintTerm: 0,
    context: 0,
    round: 0,
    snapshot: null,
    ...given,
  };
}

/** A shell with an instant disk; returns what was sent. */
function pump(core: RaftCore): Message[] {
  const sent: Message[] = [];
  while (core.hasReady()) {
    const ready = core.ready();
    sent.push(...ready.messages);
    const last = ready.committed.at(-1);
    if (ready.write !== 0) core.persisted(ready.write);
    if (ready.snapshot !== null) core.applied(ready.snapshot.index);
    if (last !== undefined) core.applied(last.index);
  }
  return sent;
}

function leaderOfThree(config: Partial<RaftConfig> = {}): RaftCore {
  const core = coreOf({}, { preVote: false, ...config });
  core.campaign();
  pump(core);
  core.step(message({ type: MessageType.voteResponse, term: 2 }));
  pump(core);
  core.step(message({ type: MessageType.appendResponse, term: 2, index: 1 }));
  pump(core);
  expect(core.committedInTerm).toBe(true);
  return core;
}

describe("what is on disk", () => {
  test.each([
    { name: "a gap", initial: { entries: [entry(1, 1), entry(3, 1)] } },
    { name: "a falling term", initial: { entries: [entry(1, 1), entry(2, 0)] } },
    { name: "a log of a later term", initial: { entries: entries(2) } },
    { name: "a commit beyond the log", initial: { hardState: { term: 1, vote: 0, commit: 1 } } },
    { name: "an applied index beyond the log", initial: { appliedIndex: 1 } },
    {
      name: "an applied index before the snapshot",
      initial: { snapshotIndex: 2, snapshotTerm: 1 },
    },
  ])("is refused with $name", ({ initial }) => {
    expect(() => coreOf(initial)).toThrow(expect.objectContaining({ code: "RAFT_STATE_DAMAGED" }));
  });

  test("is continued: committed entries are handed out again after the snapshot", () => {
    const core = coreOf({
      hardState: { term: 3, vote: 2, commit: 6 },
      entries: [entry(5, 2), entry(6, 2), entry(7, 3)],
      snapshotIndex: 4,
      snapshotTerm: 2,
      appliedIndex: 4,
    });
    expect(core.ready().committed.map(({ index }) => index)).toEqual([5, 6]);
    expect([core.firstIndex, core.lastIndex, core.term]).toEqual([5, 7, 3]);
  });
});

describe("a shell that relaxes syncing", () => {
  test("may call persisted() right after ready()", () => {
    const core = coreOf({ conf: { ...EMPTY_CONF, voters: [1] } });
    core.campaign();
    pump(core);
    expect(core.role).toBe(Role.leader);
    expect(core.propose(new Uint8Array(1))).toBe(2);
    const { write, mustSync } = core.ready();
    expect(mustSync).toBe(false);
    core.persisted(write);
    expect(core.ready().committed.map(({ index }) => index)).toEqual([2]);
  });
});

describe("ready()", () => {
  test("does not write because the commit index rose", () => {
    const core = leaderOfThree();
    core.propose(new Uint8Array(1));
    const { write, hardState, mustSync } = core.ready();
    expect([write > 0, hardState?.commit, mustSync]).toEqual([true, 1, false]);
    core.persisted(write);
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 2 }));
    const next = core.ready();
    expect([next.committed.length, next.write]).toEqual([1, 0]);
  });

  test("hands out what followers have before the own disk does, or not, as configured", () => {
    for (const applyBeforePersist of [true, false]) {
      const core = leaderOfThree({ applyBeforePersist });
      core.propose(new Uint8Array(1));
      const { write } = core.ready();
      core.step(message({ type: MessageType.appendResponse, term: 2, index: 2 }));
      core.step(message({ type: MessageType.appendResponse, term: 2, index: 2, from: 3 }));
      expect(core.commitIndex).toBe(2);
      expect(core.ready().committed).toHaveLength(applyBeforePersist ? 1 : 0);
      core.persisted(write);
      expect(core.ready().committed).toHaveLength(applyBeforePersist ? 0 : 1);
    }
  });

  test("hands out no more than may be applying, but at least one entry", () => {
    const hardState = { term: 1, vote: 0, commit: 3 };
    const core = coreOf({ hardState, entries: entries(1, 1, 1) }, { applyingBytesMax: 1 });
    expect(core.ready().committed.map(({ index }) => index)).toEqual([1]);
    expect(core.hasReady()).toBe(false);
    core.applied(1);
    expect(core.ready().committed.map(({ index }) => index)).toEqual([2]);
  });

  test("merges the acknowledgements of one turn", () => {
    const core = coreOf();
    const first = { type: MessageType.append, entries: entries(1), round: 4 };
    core.step(message(first));
    core.step(
      message({ type: MessageType.append, index: 1, logTerm: 1, entries: [entry(2, 1)], round: 5 }),
    );
    const sent = pump(core);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ type: MessageType.appendResponse, index: 2, round: 5 });
  });

  test("carries the newest round, and lets appends carry it", () => {
    const core = leaderOfThree();
    const round = core.beginRound();
    core.propose(new Uint8Array(1));
    const ready = core.ready();
    expect(ready.round).toBe(round);
    expect(ready.messages.map((sent) => sent.round)).toEqual([round]);
    expect(core.quorumRound()).toBeLessThan(round);
    core.step(message({ type: MessageType.heartbeatResponse, term: 2, from: 3, round }));
    expect(core.quorumRound()).toBe(round);
  });

  test("counts no round acknowledged to an earlier term", () => {
    const core = leaderOfThree();
    const round = core.beginRound();
    core.step(message({ type: MessageType.heartbeatResponse, term: 1, round }));
    expect(core.quorumRound()).toBeLessThan(round);
  });

  test("tells a change of role once", () => {
    const core = coreOf();
    core.step(message({ type: MessageType.heartbeat, term: 4 }));
    expect([core.ready().roleChanged, core.ready().roleChanged]).toEqual([true, false]);
  });
});

describe("a follower", () => {
  test("commits no further than an append shows its log to agree", () => {
    const core = coreOf({ entries: entries(1, 1, 1) });
    core.step(message({ type: MessageType.append, term: 2, index: 1, logTerm: 1, commit: 3 }));
    expect(core.commitIndex).toBe(1);
  });

  test("never cuts what is committed", () => {
    const core = coreOf({ hardState: { term: 1, vote: 0, commit: 2 }, entries: entries(1, 1) });
    const wrong = { term: 2, index: 2, logTerm: 1, entries: [entry(3, 2)] };
    core.step(message({ type: MessageType.append, ...wrong }));
    const append = { type: MessageType.append, term: 2, index: 0 };
    core.step(message({ ...append, entries: [entry(1, 1)] }));
    const other = message({ ...append, entries: [entry(1, 2)] });
    expect(() => core.step(other)).toThrow("what is committed here");
    expect([core.termAt(1), core.lastIndex]).toEqual([1, 3]);
  });

  test.each([
    { name: "two leaders of a term", given: { type: MessageType.append, from: 3 } },
    { name: "a message for another", given: { type: MessageType.append, to: 9 } },
    { name: "entries with a gap", given: { type: MessageType.append, entries: [entry(2, 1)] } },
  ])("stops at $name", ({ given }) => {
    const core = coreOf();
    core.step(message({ type: MessageType.heartbeat }));
    expect(() => core.step(message(given))).toThrow(
      expect.objectContaining({ name: "InvariantError" }),
    );
  });

  test("hands out nothing between a snapshot and its installation", () => {
    const core = coreOf({ hardState: { term: 1, vote: 0, commit: 1 }, entries: entries(1) });
    core.ready();
    const snapshot = { index: 5, term: 1, conf: { ...EMPTY_CONF, voters: [1, 2] } };
    core.step(message({ type: MessageType.snapshot, snapshot }));
    const append = { index: 5, logTerm: 1, entries: [entry(6, 1)], commit: 6 };
    core.step(message({ type: MessageType.append, ...append }));
    const ready = core.ready();
    expect([ready.snapshot?.index, ready.entries.length, ready.committed.length]).toEqual([
      5, 1, 0,
    ]);
    expect(ready.mustSync).toBe(true);
    core.persisted(ready.write);
    core.applied(1);
    expect(core.ready().committed).toHaveLength(0);
    core.applied(5);
    expect(core.ready().committed.map(({ index }) => index)).toEqual([6]);
    expect(core.conf.voters).toEqual([1, 2]);
  });

  test("does not stand while it installs a snapshot", () => {
    const core = coreOf({}, { preVote: false });
    const snapshot = { index: 5, term: 1, conf: THREE };
    core.step(message({ type: MessageType.snapshot, snapshot }));
    core.persisted(core.ready().write);
    core.campaign();
    expect(core.role).toBe(Role.follower);
    core.applied(5);
    core.campaign();
    expect(core.role).toBe(Role.candidate);
  });

  test("keeps its log when a snapshot says nothing new", () => {
    const core = coreOf({ entries: entries(1, 1, 1) });
    const snapshot = { index: 2, term: 1, conf: THREE };
    core.step(message({ type: MessageType.snapshot, snapshot }));
    const ready = core.ready();
    expect([ready.snapshot, core.commitIndex, core.lastIndex]).toEqual([null, 2, 3]);
    expect(ready.messages[0]).toMatchObject({ type: MessageType.appendResponse, index: 2 });
  });
});

describe("a log that has lost its end", () => {
  test("is refused by name when a leader tells of what was confirmed", () => {
    const core = coreOf({ entries: entries(1, 1) });
    const heartbeat = message({ type: MessageType.heartbeat, commit: 3 });
    const facts = { lastIndex: 2, confirmedIndex: 3, leader: 2 };
    expect(() => core.step(heartbeat)).toThrow(
      expect.objectContaining({ code: "LOG_LOST", facts }),
    );
  });

  test("is none when the leader tells of what is there", () => {
    const core = coreOf({ entries: entries(1, 1) });
    core.step(message({ type: MessageType.heartbeat, commit: 2 }));
    expect(core.commitIndex).toBe(2);
  });
});

describe("elections", () => {
  test("come after one to two election timeouts of silence, drawn anew each time", () => {
    let draw = 0;
    const config = resolveRaftConfig({ id: 1, electionTicks: 10, heartbeatTicks: 1 });
    const core = new RaftCore(config, initialOf(), () => draw++ * 4);
    const ticks: number[] = [];
    for (let round = 0; round < 3; round++) {
      let count = 0;
      while (core.role === Role.follower) {
        core.tick();
        count++;
      }
      ticks.push(count);
      pump(core);
      core.step(message({ type: MessageType.heartbeat }));
      pump(core);
    }
    expect(ticks).toEqual([10, 18, 16]);
  });

  test("are not for nodes that know a change to be committed and have not applied it", () => {
    const core = coreOf({
      hardState: { term: 1, vote: 0, commit: 1 },
      entries: [entry(1, 1, { ...EMPTY_CONF, voters: [1, 2] })],
    });
    core.ready();
    core.campaign();
    expect(core.role).toBe(Role.follower);
    core.step(message({ type: MessageType.timeoutNow }));
    expect(core.role).toBe(Role.follower);
    core.applied(1);
    expect([core.role, core.conf.voters]).toEqual([Role.candidate, [1, 2]]);
  });

  test("are not for learners or strangers", () => {
    for (const conf of [EMPTY_CONF, { ...EMPTY_CONF, voters: [2], learners: [1] }]) {
      const core = coreOf({ conf });
      core.campaign();
      core.step(message({ type: MessageType.timeoutNow }));
      for (let tick = 0; tick < 100; tick++) core.tick();
      expect([core.role, core.term]).toEqual([Role.follower, 1]);
    }
  });

  test("count only answers to the question that was asked", () => {
    const core = coreOf();
    core.campaign();
    expect(core.role).toBe(Role.preCandidate);
    core.step(message({ type: MessageType.preVoteResponse, term: 1 }));
    core.step(message({ type: MessageType.voteResponse, term: 1 }));
    expect(core.role).toBe(Role.preCandidate);
    core.step(message({ type: MessageType.preVoteResponse, term: 2 }));
    expect(core.role).toBe(Role.candidate);
    pump(core);
    core.step(message({ type: MessageType.preVoteResponse, term: 2, from: 3 }));
    expect(core.role).toBe(Role.candidate);
  });
});

describe("a node that may have lost the end of its log", () => {
  /** One in doubt, and the number that its answers carry. */
  function doubtful(...terms: number[]): { core: RaftCore; life: number } {
    const core = coreOf({ entries: entries(...terms) });
    core.distrust();
    core.step(message({ type: MessageType.heartbeat, commit: terms.length }));
    const life = pump(core)[0]!.context;
    expect(life).toBeGreaterThan(0);
    return { core, life };
  }

  test("is in doubt until it durably has what a leader who knows had committed", () => {
    const { core, life } = doubtful(1);
    const part = { type: MessageType.append, logTerm: 1, commit: 3, context: life };
    core.step(message({ ...part, index: 3 }));
    expect(pump(core)[0]).toMatchObject({ reject: true, context: life });
    core.step(message({ ...part, index: 1, entries: [entry(2, 1)] }));
    expect(pump(core)[0]).toMatchObject({ index: 2, context: life });
    expect(core.trusted).toBe(false);
    core.step(message({ ...part, index: 2, entries: [entry(3, 1)] }));
    expect(core.trusted).toBe(false);
    expect(pump(core)[0]).toMatchObject({ index: 3, context: 0 });
    expect(core.trusted).toBe(true);
  });

  test("needs no write for that", () => {
    const { core, life } = doubtful(1, 1, 1);
    core.step(
      message({ type: MessageType.append, index: 3, logTerm: 1, commit: 3, context: life }),
    );
    expect(core.trusted).toBe(true);
  });

  test.each([
    { name: "the leader does not know of this life", more: { context: 1 } },
    { name: "it has not committed in its own term", more: { term: 2 } },
    { name: "more is committed than this node has", more: { commit: 4 } },
  ])("stays in doubt while $name", ({ more }) => {
    const { core, life } = doubtful(1, 1, 1);
    const part = { type: MessageType.append, index: 3, logTerm: 1, commit: 3, context: life };
    core.step(message({ ...part, ...more }));
    pump(core);
    expect(core.trusted).toBe(false);
  });

  test("takes no commit index from a heartbeat", () => {
    const { core } = doubtful(1, 1, 1);
    expect(core.commitIndex).toBe(0);
  });

  test("votes, but says how little that is worth", () => {
    const { core, life } = doubtful(1, 1, 1);
    for (let tick = 0; tick < 100; tick++) core.tick();
    core.step(message({ type: MessageType.vote, term: 5, index: 9, logTerm: 1 }));
    const vote = pump(core).find(({ type }) => type === MessageType.voteResponse);
    expect(vote).toMatchObject({ reject: false, context: life });
  });

  test("leads at once when it is the only voter", () => {
    const core = coreOf({ conf: { ...EMPTY_CONF, voters: [1] } });
    core.distrust();
    core.campaign();
    pump(core);
    expect([core.role, core.trusted]).toEqual([Role.leader, true]);
  });
});

describe("reads", () => {
  test("need a leader", () => {
    const core = coreOf();
    expect(core.readIndex(1)).toBe(false);
    core.step(message({ type: MessageType.heartbeat }));
    expect(core.readIndex(1)).toBe(true);
    core.step(message({ type: MessageType.readIndexResponse, context: 1, reject: true }));
    expect(core.ready().readStates).toEqual([]);
    core.step(message({ type: MessageType.readIndexResponse, context: 1, index: 9 }));
    expect(core.ready().readStates).toEqual([{ context: 1, index: 9 }]);
  });

  test("of a lone voter are answered at once", () => {
    const core = coreOf({ conf: { ...EMPTY_CONF, voters: [1] } });
    core.campaign();
    pump(core);
    core.readIndex(5);
    expect(core.ready().readStates).toEqual([{ context: 5, index: 1 }]);
  });

  test("are dropped with the leadership", () => {
    const core = leaderOfThree();
    core.readIndex(5);
    pump(core);
    core.step(message({ type: MessageType.heartbeat, term: 3 }));
    core.step(message({ type: MessageType.heartbeatResponse, term: 2, round: core.round }));
    expect(core.ready().readStates).toEqual([]);
  });
});

describe("compaction", () => {
  test("stays behind what is applied, and what members need", () => {
    const core = leaderOfThree();
    core.propose(new Uint8Array(1));
    pump(core);
    expect(() => core.compact(2)).toThrow("only applied");
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 2 }));
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 1, from: 3 }));
    pump(core);
    expect(core.neededIndex()).toBe(2);
    const before = core.logBytes;
    core.compact(1);
    expect([core.firstIndex, core.logBytes < before]).toEqual([2, true]);
  });

  test("waits one to two election timeouts for a member that fell silent", () => {
    const core = leaderOfThree({ electionTicks: 10, heartbeatTicks: 1 });
    core.propose(new Uint8Array(1));
    pump(core);
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 1, from: 3 }));
    const needed: number[] = [];
    for (let timeout = 0; timeout < 3; timeout++) {
      core.step(message({ type: MessageType.appendResponse, term: 2, index: 2 }));
      pump(core);
      needed.push(core.neededIndex());
      for (let tick = 0; tick < 10; tick++) core.tick();
    }
    expect(core.role).toBe(Role.leader);
    expect(needed).toEqual([2, 2, 3]);
  });

  test("keeps the log behind a snapshot on its way", () => {
    const core = leaderOfThree();
    for (let count = 0; count < 4; count++) core.propose(new Uint8Array(1));
    pump(core);
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 5 }));
    pump(core);
    core.compact(3);
    core.step(
      message({ type: MessageType.appendResponse, term: 2, from: 3, reject: true, index: 0 }),
    );
    const behind = { term: 2, from: 3, reject: true, index: 1, rejectHint: 0 };
    core.step(message({ type: MessageType.appendResponse, ...behind }));
    expect(core.ready().snapshotRequests).toEqual([{ to: 3, indexMin: 3 }]);
    expect(core.neededIndex()).toBe(4);
    core.snapshotSending(3, 5);
    expect(core.neededIndex()).toBe(6);
    core.reportSnapshot(3, false);
    expect(core.progress(3)).toMatchObject({ state: "probe", next: 1 });
  });
});

describe("a leadership transfer", () => {
  test("asks the target to stand once it has everything, and not before", () => {
    const core = leaderOfThree();
    core.propose(new Uint8Array(1));
    pump(core);
    expect(core.transferLeadership(3)).toBe(true);
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 1, from: 3 }));
    const early = pump(core).map(({ type }) => type);
    expect([early.includes(MessageType.timeoutNow), core.timeoutNowSent]).toEqual([false, false]);
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 2, from: 3 }));
    const late = pump(core).map(({ type }) => type);
    expect([late.includes(MessageType.timeoutNow), core.timeoutNowSent]).toEqual([true, true]);
    expect([core.propose(new Uint8Array(1)), core.refusal(1)]).toEqual([0, "transferring"]);
  });
});

describe("changes of members", () => {
  test("come one at a time, from the leader", () => {
    const core = leaderOfThree();
    const change = { steps: [{ action: "addLearner", id: 4 }] } as const;
    expect(core.proposeConf(change)).toEqual({ kind: "proposed", index: 2 });
    expect(core.proposeConf(change)).toMatchObject({ kind: "refused", reason: "confInFlight" });
    expect(coreOf().proposeConf(change)).toMatchObject({ reason: "notLeader" });
  });

  test("wait for the leader's first entry", () => {
    const core = coreOf({}, { preVote: false });
    core.campaign();
    pump(core);
    core.step(message({ type: MessageType.voteResponse, term: 2 }));
    pump(core);
    const change = { steps: [{ action: "addLearner", id: 4 }] } as const;
    expect(core.proposeConf(change)).toMatchObject({ reason: "confInFlight" });
  });

  test("refuse a context that is too long", () => {
    const core = leaderOfThree();
    const context = new Uint8Array((1 << 20) + 1);
    const outcome = core.proposeConf({ steps: [{ action: "addVoter", id: 4 }], context });
    expect(outcome).toMatchObject({ kind: "refused", reason: "confInvalid" });
  });

  test("are applied only after the disk knows that they are committed", () => {
    const core = leaderOfThree();
    core.proposeConf({ steps: [{ action: "addLearner", id: 4 }] });
    const first = core.ready();
    core.persisted(first.write);
    core.step(message({ type: MessageType.appendResponse, term: 2, index: 2 }));
    const second = core.ready();
    expect([second.committed.length, second.hardState?.commit, second.mustSync]).toEqual([
      0,
      2,
      true,
    ]);
    core.persisted(second.write);
    expect(core.ready().committed.map(({ index }) => index)).toEqual([2]);
    expect(core.conf.learners).toEqual([]);
    expect(core.confSettled()).toBe(false);
    core.applied(2);
    expect(core.conf.learners).toEqual([4]);
    expect(core.confSettled()).toBe(false);
    core.step(message({ type: MessageType.heartbeatResponse, term: 2, commit: 2 }));
    expect(core.confSettled()).toBe(true);
  });
});

// The order in which a write of the core goes to the log: a crash may keep any beginning of it.
import { describe, expect, test } from "vitest";
import { EntryType } from "../raft/types.ts";
import type { Entry, HardState, Raft, Ready } from "../raft/types.ts";
import { Persister } from "./persister.ts";
import type { ReplicaLog } from "./replica-host.ts";

class Log implements ReplicaLog {
  readonly writing = false;
  readonly nextSequence = 1;
  readonly appendedBytes = 0;
  readonly behind = false;
  urgent = false;
  readonly records: string[] = [];

  appendEntry(_shard: number, term: number, index: number): void {
    this.records.push(`entry ${index}/${term}`);
  }
  appendSnapshotMark(_shard: number, index: number): void {
    this.records.push(`snapshot ${index}`);
  }
  appendHardState(_shard: number, term: number, vote: number, commit: number): void {
    this.records.push(`term ${term} vote ${vote} commit ${commit}`);
  }
  requireSync(): void {
    this.records.push("sync");
  }
}

const { normal, config } = EntryType;

function entry(index: number, type: Entry["type"] = normal): Entry {
  return { term: 2, index, type, data: new Uint8Array(0) };
}

const CONF = { voters: [1], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };

function persist(given: Partial<Ready>): string[] {
  const log = new Log();
  const hardState: HardState = { term: 2, vote: 0, commit: 3 };
  const raft = { persisted: () => {} } as unknown as Raft;
  const ready = { write: 1, hardState, mustSync: false, snapshot: null, entries: [], ...given };
  new Persister(1, raft, false, hardState).persist(log, ready as Ready);
  return log.records;
}

describe("a write", () => {
  test("tells term and commit before entries behind it", () => {
    const entries = [entry(4), entry(5)];
    expect(persist({ entries })).toEqual(["term 2 vote 0 commit 3", "entry 4/2", "entry 5/2"]);
  });

  test("tells no commit of entries that are not there yet", () => {
    const hardState = { term: 2, vote: 0, commit: 5 };
    expect(persist({ hardState, entries: [entry(4), entry(5), entry(6)] })).toEqual([
      "term 2 vote 0 commit 3",
      "entry 4/2",
      "entry 5/2",
      "entry 6/2",
      "term 2 vote 0 commit 5",
    ]);
  });

  test("tells before a change of members that the one before it is committed", () => {
    const hardState = { term: 2, vote: 0, commit: 5 };
    const entries = [entry(4, config), entry(5), entry(6, config)];
    expect(persist({ hardState, entries, mustSync: true })).toEqual([
      "term 2 vote 0 commit 3",
      "entry 4/2",
      "entry 5/2",
      "term 2 vote 0 commit 5",
      "entry 6/2",
      "sync",
    ]);
  });

  test("replaces the log before anything else, and is synced", () => {
    const snapshot = { index: 3, term: 1, conf: CONF };
    expect(persist({ hardState: null, snapshot, entries: [entry(4)], mustSync: true })).toEqual([
      "snapshot 3",
      "term 2 vote 0 commit 3",
      "entry 4/2",
      "sync",
    ]);
  });

  test("may be entries alone", () => {
    expect(persist({ hardState: null, entries: [entry(4)] })).toEqual(["entry 4/2"]);
  });
});

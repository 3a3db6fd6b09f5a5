// Raft's promises, checked from outside after every step of a cluster.
import { EntryType, Role } from "../../src/raft/types.ts";
import type { ConfState, Entry, Index, NodeId, SnapshotMark, Term } from "../../src/raft/types.ts";
import type { TestCluster, TestNode } from "./cluster.ts";

/** What is known of one entry that exists or existed somewhere. */
interface Known {
  readonly type: EntryType;
  readonly data: Uint8Array;
  readonly previousTerm: Term;
}

function fail(rule: string, detail: string): never {
  throw new Error(`${rule}: ${detail}`);
}

export class InvariantChecker {
  readonly #cluster: TestCluster;
  readonly #leaders = new Map<Term, NodeId>();
  readonly #entries = new Map<string, Known>();
  /** Term of each committed entry, and the command each state machine must have applied there. */
  readonly #committed: (Term | undefined)[] = [0];
  readonly #applied: (string | undefined)[] = [];
  /** Per node as last seen: what may only rise while it lives. */
  readonly #seen = new Map<TestNode, { term: Term; commit: Index; role: Role; core: object }>();
  /** Highest index known to be committed by anyone. */
  commitMax: Index = 0;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  /** Checks what `node` may have changed by its last step. */
  check(node: TestNode): void {
    if (!node.alive) return;
    this.#checkMonotone(node);
    this.#checkLog(node);
    this.#checkCommit(node);
    this.#checkLeader(node);
  }

  #checkMonotone(node: TestNode): void {
    const { core } = node;
    const before = this.#seen.get(node);
    if (before !== undefined && before.core === core) {
      if (core.term < before.term) fail("term never falls", `node ${node.id}`);
      if (core.commitIndex < before.commit) fail("commit never falls", `node ${node.id}`);
    }
    if (core.commitIndex > core.lastIndex) fail("commit is in the log", `node ${node.id}`);
  }

  /** Log matching: the same index and term hold the same entry and the same prefix. */
  #checkLog(node: TestNode): void {
    const { core } = node;
    for (let index = core.lastIndex; index >= core.firstIndex; index--) {
      const entry = core.entryAt(index)!;
      const key = `${entry.index}/${entry.term}`;
      const known = this.#entries.get(key);
      const previousTerm = core.termAt(index - 1);
      if (known === undefined) {
        this.#entries.set(key, { type: entry.type, data: entry.data, previousTerm });
        continue;
      }
      const same =
        known.type === entry.type &&
        known.previousTerm === previousTerm &&
        Buffer.compare(known.data, entry.data) === 0;
      if (!same) fail("log matching", `${key} at node ${node.id}`);
    }
  }

  /** State machine safety, and durability: what a leader commits is on disk at a quorum. */
  #checkCommit(node: TestNode): void {
    const { core } = node;
    const from = Math.max(core.firstIndex, 1);
    for (let index = from; index <= core.commitIndex; index++) {
      const term = core.termAt(index);
      const known = this.#committed[index];
      if (known === undefined) this.#committed[index] = term;
      else if (known !== term) fail("committed entries never change", `${index} at ${node.id}`);
    }
    if (core.commitIndex <= this.commitMax) return;
    if (core.role === Role.leader) this.#checkDurable(core.commitIndex, core.conf, node);
    this.commitMax = core.commitIndex;
  }

  #checkDurable(index: Index, conf: ConfState, node: TestNode): void {
    for (const voters of [conf.voters, conf.votersOutgoing]) {
      if (voters.length === 0) continue;
      const holders = voters.filter((id) => this.#onDisk(id, index, node.core.termAt(index)));
      if (holders.length * 2 <= voters.length) {
        fail("commit needs a quorum's disks", `${index} by node ${node.id}: ${holders.join()}`);
      }
    }
  }

  #onDisk(id: NodeId, index: Index, term: Term): boolean {
    const node = this.#cluster.nodes.get(id);
    if (node === undefined) return false;
    // Acknowledged and lost since: without a vote until it has it again, it is no danger.
    if (node.forgetful) return true;
    const { disk } = node;
    if (disk.snapshot.index >= index) return true;
    return disk.entries[index - disk.snapshot.index - 1]?.term === term;
  }

  /** Election safety and leader completeness. */
  #checkLeader(node: TestNode): void {
    const { core } = node;
    const before = this.#seen.get(node);
    const wasLeader =
      before?.core === core && before.role === Role.leader && before.term === core.term;
    this.#seen.set(node, { term: core.term, commit: core.commitIndex, role: core.role, core });
    if (core.role !== Role.leader || wasLeader) return;
    const known = this.#leaders.get(core.term);
    if (known !== undefined && known !== node.id) {
      fail("a term has one leader", `term ${core.term}: ${known} and ${node.id}`);
    }
    this.#leaders.set(core.term, node.id);
    if (node.disk.hardState.term !== core.term || node.disk.hardState.vote !== node.id) {
      fail("a leader's own vote is on its disk", `node ${node.id} term ${core.term}`);
    }
    for (let index = core.firstIndex; index <= this.commitMax; index++) {
      if (core.termAt(index) !== this.#committed[index]) {
        fail("a leader has all committed entries", `node ${node.id} lacks ${index}`);
      }
    }
  }

  onApply(node: TestNode, entry: Entry): void {
    const word = `${entry.term}:${entry.type}:${Buffer.from(entry.data).toString("base64")}`;
    const known = this.#applied[entry.index];
    if (known !== undefined && known !== word) {
      fail("all state machines apply the same", `${entry.index} at node ${node.id}`);
    }
    this.#applied[entry.index] = word;
  }

  onInstall(node: TestNode, snapshot: SnapshotMark): void {
    if (this.#committed[snapshot.index] !== snapshot.term) {
      fail("a snapshot holds committed state", `${snapshot.index} at node ${node.id}`);
    }
  }
}

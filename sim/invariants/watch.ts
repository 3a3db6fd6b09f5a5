// What must hold at every moment of a run, looked at after every event: the promises of Raft, of
// leases, of recovery, and bounds on memory and disk.
import { crc32 } from "../../src/base/checksum.ts";
import type { ClusterNode } from "../../src/cluster/cluster-node.ts";
import { type ConfState, type Entry, Role } from "../../src/raft/types.ts";
import type { Fleet, OnChange } from "../cluster/fleet.ts";
import type { Machine } from "../cluster/machine.ts";
import { type InvariantName, INVARIANTS } from "./names.ts";

/** Bytes that may wait in a server for the leader or the log: of the few clients of a run. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
const LOG_MEMORY_BYTES_MAX = 64 * 1024 * 1024;
const DISK_BYTES_MAX = 64 * 1024 * 1024;

/** Tells of an invariant that does not hold. */
export type Broken = (rule: InvariantName, text: string) => void;

/** What was last seen of one process. */
interface Seen {
  readonly server: ClusterNode;
  term: number;
  commit: number;
  applied: number;
  role: Role;
  conf: ConfState;
  timeMs: number;
  ceilingMs: number;
}

/** A committed entry, whoever showed it first. */
interface Committed {
  readonly term: number;
  readonly checksum: number;
  /** Term of whoever showed it to be committed: it was so in this term at the latest. */
  readonly seenInTerm: number;
}

/** How far the disk of a machine had come when its process ended. */
interface Persisted {
  readonly term: number;
  readonly index: number;
}

/** Watches all machines of a run. */
export class Watch {
  readonly #fleet: Fleet;
  readonly #broken: Broken;
  readonly #onChange: OnChange;
  /** By node the highest index that its disk ever had. */
  readonly #durable = new Map<number, number>();
  /** By machine the number of its start that was seen to serve last. */
  readonly #servedStarts = new Map<number, number>();
  readonly #seen = new Map<number, Seen>();
  readonly #leaders = new Map<number, number>();
  readonly #committed: (Committed | undefined)[] = [];
  /** Index at which states were compared last. */
  #compared = 0;
  readonly #persisted = new Map<number, Persisted>();
  /** How often each rule was looked at: a rule that was never looked at proves nothing. */
  readonly looked: Map<InvariantName, number> = new Map(INVARIANTS.map((name) => [name, 0]));

  constructor(fleet: Fleet, broken: Broken, onChange: OnChange) {
    this.#fleet = fleet;
    this.#broken = broken;
    this.#onChange = onChange;
  }

  /** Highest index that any machine has shown to be committed. */
  get commitMax(): number {
    return Math.max(0, this.#committed.length - 1);
  }

  /** Looks after an event: at the machine whose event it was, at all when it was nobody's. */
  look(): void {
    const host = this.#fleet.world.running?.host;
    for (const machine of this.#fleet.machines) {
      if (host !== undefined && machine.host !== host) continue;
      const server = machine.server?.cluster;
      if (server === undefined) continue;
      this.#lookAtDisk(machine, server);
      this.#lookAt(machine, server);
      if (holdsLease(machine)) this.#lookAtLeases();
    }
  }

  #lookAtLeases(): void {
    this.#count("one lease at a time");
    const holders = this.#fleet.machines.filter(holdsLease).length;
    if (holders > 1) this.#broken("one lease at a time", `${holders} machines hold a lease`);
  }

  /** Remembers what was on the disk of a machine whose process is about to end. */
  ending(machine: Machine): void {
    this.#seen.delete(machine.number);
    if (machine.server === null) return;
    // It may have acknowledged something in the very event that it ends in.
    this.#lookAtDisk(machine, machine.server.cluster);
    const { raft } = machine.server.cluster.node.replica;
    this.#persisted.set(machine.number, { term: raft.term, index: raft.persistedIndex });
  }

  /** The disk of a machine was damaged: what it had does not count any more. */
  damaged(machine: Machine): void {
    this.#persisted.delete(machine.number);
  }

  #lookAt(machine: Machine, server: ClusterNode): void {
    const { raft, applier } = server.node.replica;
    let seen = this.#seen.get(machine.number);
    if (seen === undefined || seen.server !== server) {
      seen = this.#first(machine, server);
    }
    if (seen.term !== raft.term || seen.role !== raft.role) this.#lookAtRole(machine, server, seen);
    if (seen.commit !== raft.commitIndex) this.#lookAtCommit(machine, server, seen);
    if (seen.conf !== raft.conf) {
      const isNew = seen.conf.voters.join() !== raft.conf.voters.join();
      seen.conf = raft.conf;
      if (isNew && raft.role === Role.leader) this.#onChange("voters", machine);
    }
    if (seen.applied !== applier.appliedIndex) this.#lookAtApplied(machine, server, seen);
  }

  #lookAtDisk({ number, starts }: Machine, { node }: ClusterNode): void {
    this.#servedStarts.set(number, starts);
    const { nodeId } = node.identity;
    const index = Math.max(node.replica.raft.persistedIndex, node.snapshots.index);
    if (index > (this.#durable.get(nodeId) ?? 0)) this.#durable.set(nodeId, index);
  }

  /** A process that was not seen before: what its disk had is there again. */
  #first(machine: Machine, server: ClusterNode): Seen {
    const { raft } = server.node.replica;
    const saved = server.node.snapshots.index;
    this.#count("no gap between snapshot and log");
    if (raft.firstIndex > saved + 1) {
      const text = `${machine.name}: snapshot ${saved}, log from ${raft.firstIndex}`;
      this.#broken("no gap between snapshot and log", text);
    }
    const before = this.#persisted.get(machine.number);
    if (before !== undefined) {
      this.#count("what was persisted is there after a restart");
      this.#persisted.delete(machine.number);
      if (raft.lastIndex < before.index) {
        const text = `${machine.name} had ${before.index} on disk, has ${raft.lastIndex}`;
        this.#broken("what was persisted is there after a restart", text);
      }
    }
    const seen: Seen = {
      server,
      term: raft.term,
      commit: 0,
      applied: 0,
      role: Role.follower,
      conf: raft.conf,
      timeMs: 0,
      ceilingMs: 0,
    };
    this.#seen.set(machine.number, seen);
    return seen;
  }

  #lookAtRole(machine: Machine, server: ClusterNode, seen: Seen): void {
    const { raft } = server.node.replica;
    this.#count("term never falls");
    if (raft.term < seen.term) {
      this.#broken("term never falls", `${machine.name}: ${seen.term} to ${raft.term}`);
    }
    const isNew =
      raft.role === Role.leader && (seen.role !== Role.leader || seen.term !== raft.term);
    seen.term = raft.term;
    seen.role = raft.role;
    if (isNew) this.#lookAtLeader(machine, server);
  }

  #lookAtLeader(machine: Machine, server: ClusterNode): void {
    const { raft } = server.node.replica;
    const other = this.#leaders.get(raft.term) ?? machine.number;
    this.#leaders.set(raft.term, machine.number);
    this.#count("one leader in a term");
    if (other !== machine.number) {
      const text = `n${other} and ${machine.name} lead in term ${raft.term}`;
      this.#broken("one leader in a term", text);
    }
    this.#onChange("leader", machine);
    this.#count("a leader has all that is committed");
    for (let index = raft.firstIndex; index < this.#committed.length; index++) {
      const known = this.#committed[index];
      // A leader of an earlier term, which does not know yet that it is over, need not have it.
      if (known === undefined || known.seenInTerm >= raft.term) continue;
      if (raft.termAt(index) === known.term) continue;
      const text = `${machine.name} leads term ${raft.term} without ${index} of term ${known.term}`;
      this.#broken("a leader has all that is committed", text);
      return;
    }
  }

  #lookAtCommit(machine: Machine, server: ClusterNode, seen: Seen): void {
    const { raft } = server.node.replica;
    const commit = raft.commitIndex;
    this.#count("commit never falls");
    if (commit < seen.commit) {
      this.#broken("commit never falls", `${machine.name}: ${seen.commit} to ${commit}`);
    }
    this.#count("commit lies within the log");
    if (commit > raft.lastIndex) {
      this.#broken("commit lies within the log", `${machine.name}: ${commit} > ${raft.lastIndex}`);
    }
    // Of what was committed before the first look, the configuration is not known.
    if (raft.role === Role.leader && seen.commit > 0) {
      this.#lookAtQuorum(machine, [raft.conf, seen.conf], commit);
    }
    this.#count("committed entries never change");
    for (let index = Math.max(raft.firstIndex, seen.commit + 1); index <= commit; index++) {
      const entry = raft.entryAt(index);
      if (entry !== null) this.#lookAtCommitted(machine, raft.term, entry);
    }
    seen.commit = commit;
  }

  /** By the configuration in force, or by the one before: the commit may be what changed it. */
  #lookAtQuorum(machine: Machine, confs: readonly ConfState[], commit: number): void {
    // A node votes and acknowledges shortly before it serves and can be looked into.
    const isSeen = ({ number, starts }: Machine): boolean =>
      this.#servedStarts.get(number) === starts;
    if (!this.#fleet.machines.every(isSeen)) return;
    const rule = "what is committed is on the disks of a quorum";
    this.#count(rule);
    const has = (id: number): boolean => (this.#durable.get(id) ?? 0) >= commit;
    const isMost = (voters: readonly number[]): boolean =>
      voters.length === 0 || voters.filter(has).length * 2 > voters.length;
    if (confs.some((conf) => isMost(conf.voters) && isMost(conf.votersOutgoing))) return;
    const disks = [...this.#durable].map(([id, index]) => `node ${id} ${index}`).join(", ");
    this.#broken(rule, `${machine.name} commits ${commit}, on disks: ${disks}`);
  }

  #lookAtCommitted(machine: Machine, seenInTerm: number, entry: Entry): void {
    const { index, term, data } = entry;
    const checksum = crc32(data, 0, data.length);
    const known = this.#committed[index];
    if (known === undefined) {
      this.#committed[index] = { term, checksum, seenInTerm };
      return;
    }
    if (known.term === term && known.checksum === checksum) return;
    const text = `${machine.name} has term ${term} at ${index}, committed was term ${known.term}`;
    this.#broken("committed entries never change", text);
  }

  #lookAtApplied(machine: Machine, server: ClusterNode, seen: Seen): void {
    const { raft, applier } = server.node.replica;
    this.#count("only what is committed is applied");
    if (applier.appliedIndex > raft.commitIndex) {
      const text = `${machine.name}: ${applier.appliedIndex} beyond ${raft.commitIndex}`;
      this.#broken("only what is committed is applied", text);
    }
    this.#count("applied never falls");
    if (applier.appliedIndex < seen.applied) {
      const text = `${machine.name}: ${seen.applied} to ${applier.appliedIndex}`;
      this.#broken("applied never falls", text);
    }
    this.#count("shard time never falls");
    if (applier.timeMs < seen.timeMs || applier.ceilingMs < seen.ceilingMs) {
      this.#broken("shard time never falls", `${machine.name} at ${applier.appliedIndex}`);
    }
    this.#lookAtBounds(machine, server);
    seen.applied = applier.appliedIndex;
    seen.timeMs = applier.timeMs;
    seen.ceilingMs = applier.ceilingMs;
  }

  #lookAtBounds(machine: Machine, server: ClusterNode): void {
    const { replica } = server.node;
    this.#count("memory is bounded");
    if (replica.pendingBytes > PENDING_BYTES_MAX || replica.raft.logBytes > LOG_MEMORY_BYTES_MAX) {
      const text = `${machine.name}: ${replica.pendingBytes} pending, log ${replica.raft.logBytes}`;
      this.#broken("memory is bounded", text);
    }
  }

  /** Looks at what is dear to look at: now and then. */
  lookCloser(): void {
    this.#lookAtStates();
    for (const machine of this.#fleet.machines) {
      this.#count("disk is bounded");
      const used = machine.host.storage.usedBytes;
      if (used > DISK_BYTES_MAX) this.#broken("disk is bounded", `${machine.name}: ${used} bytes`);
    }
  }

  /** Machines that have applied the same entries hold the same data. */
  #lookAtStates(): void {
    const appliedBy = ({ server }: Machine): number =>
      server!.cluster.node.replica.applier.appliedIndex;
    for (const index of new Set(this.#fleet.serving.map(appliedBy))) {
      const machines = this.#fleet.serving.filter((machine) => appliedBy(machine) === index);
      if (machines.length < 2 || this.#compared === index) continue;
      this.#compared = index;
      this.#count("equal logs make equal states");
      const digests = machines.map(({ server }) =>
        server!.cluster.node.replica.applier.keyspace.digest(true),
      );
      if (new Set(digests).size === 1) continue;
      const text = `${machines.map(({ name }) => name).join(", ")} differ at ${index}`;
      this.#broken("equal logs make equal states", text);
    }
  }

  #count(rule: InvariantName): void {
    this.looked.set(rule, this.looked.get(rule)! + 1);
  }
}

function holdsLease({ server, host }: Machine): boolean {
  if (server === null) return false;
  const { serving, lease } = server.cluster.node.replica;
  return serving && lease.holds(host.process!.clock.monotonicMs());
}

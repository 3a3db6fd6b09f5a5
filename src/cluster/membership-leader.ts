// What the leader does about members: takes in who asks, promotes who has caught up, replaces who
// is gone.
import { failpoints } from "../base/failpoints.ts";
import { JoinOutcome } from "../transport/generated/messages.ts";
import type { CallReply } from "../transport/handler.ts";
import type { JoinRequest } from "../transport/peer-message.ts";
import type { ConfStep } from "../raft/types.ts";
import { joinReply, welcome } from "./membership-answers.ts";
import { type MembershipFacts, nextSteps, planRemoval } from "./membership-rules.ts";
import {
  type AddressBook,
  encodeBook,
  type Member,
  memberOf,
  sameAddress,
  withMember,
  withoutMember,
} from "./membership-types.ts";
import type { KvorumNode } from "./node.ts";

/** A question to join that was not decided after so long is answered "later". */
const JOIN_MS_MAX = 4_000;

/** The membership around these duties. */
export interface LeaderOwner {
  /** This node's own entry, as it should be. */
  readonly self: Member;
  /** The book as of the last applied entry. */
  readonly applied: AddressBook;
  /** A member that is silent for so long gives its vote to another, milliseconds. */
  readonly downAfterMs: number;
}

/** A node that waits for its entry in the book. */
interface Applicant {
  readonly request: JoinRequest;
  readonly reply: (answer: CallReply) => void;
  readonly sinceMs: number;
}

/** The duties of one node in its times as leader. */
export class LeaderDuties {
  readonly #node: KvorumNode;
  readonly #owner: LeaderOwner;
  readonly #applicants: Applicant[] = [];
  /** Since when each member was last heard from; only of this leadership. */
  readonly #heardMs = new Map<number, number>();

  constructor(node: KvorumNode, owner: LeaderOwner) {
    this.#node = node;
    this.#owner = owner;
  }

  /** A node asks to be taken in, or to be known at another address. Only while this node serves. */
  take(request: JoinRequest, reply: (answer: CallReply) => void): void {
    const { nodeId } = request;
    if (nodeId !== 0 && memberOf(this.#owner.applied, nodeId) === undefined) {
      const detail = `node ${nodeId} was removed from this cluster`;
      const advice = `${detail}: give it an empty data directory`;
      reply(joinReply(this.#node, this.#owner.self, JoinOutcome.joinRefused, advice));
      return;
    }
    const sinceMs = this.#node.environment.clock.monotonicMs();
    this.#applicants.push({ request, reply, sinceMs });
    this.run(sinceMs);
  }

  /** Leadership is over: those who wait are sent elsewhere. */
  end(answer: () => CallReply): void {
    for (const { reply } of this.#applicants.splice(0)) reply(answer());
    this.#heardMs.clear();
  }

  /** Does what is due: at most one change is proposed, since one can be in flight. */
  run(nowMs: number): void {
    this.#listen(nowMs);
    const { applied, self } = this.#owner;
    for (const applicant of this.#applicants.slice()) {
      if (this.#serve(applicant, applied, nowMs)) return;
    }
    const own = memberOf(applied, self.id);
    if (own === undefined || !sameAddress(own, self)) {
      this.#propose([], withMember(applied, self));
      return;
    }
    const steps = nextSteps(this.#facts());
    if (steps.length === 0) return;
    const removed = steps.filter((step) => step.action === "remove");
    const book = removed.reduce((left, step) => withoutMember(left, step.id), applied);
    if (this.#propose(steps, book) !== null) return;
    const change = steps.map((step) => `${step.action} ${step.id}`).join(", ");
    this.#node.environment.report("info", "members change", { change });
  }

  /** Takes a node out of the cluster; null, or why not. */
  remove(id: number): string | null {
    const plan = planRemoval(this.#facts(), id);
    if (plan.kind === "refused") return plan.reason;
    return this.#propose(plan.steps, withoutMember(this.#owner.applied, id));
  }

  /** The voter that can take over soonest; 0 when there is none. */
  heir(): number {
    const { conf, progress } = this.#facts();
    let heir = 0;
    let match = -1;
    for (const candidate of progress) {
      if (!candidate.active || !conf.voters.includes(candidate.id)) continue;
      if (candidate.match <= match) continue;
      heir = candidate.id;
      match = candidate.match;
    }
    return heir;
  }

  // ---- those who ask

  /** Answers an applicant, or proposes its entry: then nothing else can be proposed now. */
  #serve(applicant: Applicant, book: AddressBook, nowMs: number): boolean {
    const { request, sinceMs } = applicant;
    const known = findApplicant(book, request);
    if (known !== undefined && isAt(known, request)) {
      failpoints.reached?.("join.answered");
      this.#answer(applicant, welcome(this.#node, this.#owner.self, book, known.id));
      return false;
    }
    const holder = this.#liveHolder(book, request, known);
    if (holder !== undefined) {
      const detail = `node ${holder.id} is at that address, and there`;
      this.#answer(applicant, this.#later(detail));
      return false;
    }
    if (nowMs - sinceMs > JOIN_MS_MAX) {
      this.#answer(applicant, this.#later("other changes come first"));
      return false;
    }
    return this.#proposeMember(book, request, known);
  }

  #later(detail: string): CallReply {
    return joinReply(this.#node, this.#owner.self, JoinOutcome.tryLater, detail);
  }

  #answer(applicant: Applicant, answer: CallReply): void {
    const at = this.#applicants.indexOf(applicant);
    if (at >= 0) this.#applicants.splice(at, 1);
    applicant.reply(answer);
  }

  /** Another member at the very address that a node names, and alive. */
  #liveHolder(
    book: AddressBook,
    request: JoinRequest,
    known: Member | undefined,
  ): Member | undefined {
    const { raft } = this.#node.replica;
    const isAlive = (id: number): boolean => id === raft.id || raft.progress(id)?.active === true;
    return book.members.find(
      (member) => member.id !== known?.id && isPlaceOf(member, request) && isAlive(member.id),
    );
  }

  #proposeMember(book: AddressBook, request: JoinRequest, known: Member | undefined): boolean {
    const id = known?.id ?? book.lastId + 1;
    const { host, peerPort, clientPort, clusterPort, httpPort } = request.address!;
    const token = known?.token ?? request.token;
    const member = { id, token, host, peerPort, clientPort, clusterPort, httpPort };
    const steps: ConfStep[] = known === undefined ? [{ action: "addLearner", id }] : [];
    if (this.#propose(steps, withMember(book, member)) !== null) return false;
    failpoints.reached?.("join.proposed");
    const facts = { node: id, address: `${host}:${peerPort}` };
    const message = known === undefined ? "a node joins" : "a node has another address";
    this.#node.environment.report("info", message, facts);
    return true;
  }

  // ---- changes

  /** Proposes a change with the book that belongs to it; null, or why it was refused. */
  #propose(steps: readonly ConfStep[], book: AddressBook): string | null {
    const context = Buffer.from(encodeBook(book));
    const outcome = this.#node.replica.raft.proposeConf({ steps, context });
    this.#node.wantTurn();
    return outcome.kind === "proposed" ? null : outcome.detail;
  }

  /** Notes who was heard from. */
  #listen(nowMs: number): void {
    const { raft } = this.#node.replica;
    for (const { id } of this.#owner.applied.members) {
      const isHeard = raft.progress(id)?.active === true || !this.#heardMs.has(id);
      if (isHeard) this.#heardMs.set(id, nowMs);
    }
  }

  #facts(): MembershipFacts {
    const { raft } = this.#node.replica;
    const { members } = this.#owner.applied;
    const { conf, lastIndex } = raft;
    const ids = [...new Set([...conf.voters, ...conf.learners])].filter((id) => id !== raft.id);
    const progress = ids.flatMap((id) => raft.progress(id) ?? []);
    const quiet = progress.filter(({ active }) => !active).map(({ id }) => id);
    const nowMs = this.#node.environment.clock.monotonicMs();
    const sinceMs = nowMs - this.#owner.downAfterMs;
    const silent = quiet.filter((id) => (this.#heardMs.get(id) ?? nowMs) < sinceMs);
    const replaced = quiet.filter((id) => {
      const old = members.find((member) => member.id === id);
      return (
        old !== undefined && members.some((member) => member.id > id && isSamePlace(member, old))
      );
    });
    return {
      leader: raft.id,
      conf,
      lastIndex,
      progress,
      silent: new Set(silent),
      replaced: new Set(replaced),
    };
  }
}

/** The entry of a node that asks, by its id or else its token. */
function findApplicant(book: AddressBook, request: JoinRequest): Member | undefined {
  if (request.nodeId !== 0) return memberOf(book, request.nodeId);
  return book.members.find((member) => member.token === request.token);
}

function isAt(member: Member, request: JoinRequest): boolean {
  return request.address !== undefined && sameAddress(member, request.address);
}

function isPlaceOf(member: Member, { address }: JoinRequest): boolean {
  return member.host === address?.host && member.peerPort === address.peerPort;
}

function isSamePlace(left: Member, right: Member): boolean {
  return left.host === right.host && left.peerPort === right.peerPort;
}

// Words for what cores do: one line per message, write and state, as transcripts show them.
import { decodeConf } from "../../src/raft/conf-codec.ts";
import type { RaftCore } from "../../src/raft/raft-core.ts";
import { EntryType, MessageType, Role } from "../../src/raft/types.ts";
import type { ConfState, Entry, Message, ProgressView } from "../../src/raft/types.ts";

const TYPE_NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, value]) => [value, name]),
);
const ROLE_NAMES = new Map<number, string>(
  Object.entries(Role).map(([name, value]) => [value, name]),
);

export function roleName(role: Role): string {
  return ROLE_NAMES.get(role)!;
}

export function typeName(type: MessageType): string {
  return TYPE_NAMES.get(type)!;
}

/** `1,2,3`, joint: `1,2,4 & 1,2,3`, with `learners 5` and `auto` where they are. */
export function describeConf(conf: ConfState): string {
  let text = conf.voters.join(",");
  if (conf.votersOutgoing.length > 0) text += ` & ${conf.votersOutgoing.join(",")}`;
  if (conf.learners.length > 0) text += ` learners ${conf.learners.join(",")}`;
  if (conf.learnersNext.length > 0) text += ` later learners ${conf.learnersNext.join(",")}`;
  if (conf.autoLeave) text += " auto";
  return `(${text})`;
}

/** `index/term "data"`. */
export function describeEntry(entry: Entry): string {
  const place = `${entry.index}/${entry.term}`;
  if (entry.type === EntryType.noop) return `${place} noop`;
  if (entry.type === EntryType.config)
    return `${place} ${describeConf(decodeConf(entry.data).conf)}`;
  const text = Buffer.from(entry.data).toString();
  return `${place} "${text.length > 24 ? `${text.slice(0, 8)}.. ${text.length} bytes` : text}"`;
}

/** `[1/1 noop, 2/1 "x"]`; long runs show both ends. */
export function describeEntries(entries: readonly Entry[]): string {
  const words = entries.map(describeEntry);
  if (words.length > 6) words.splice(2, words.length - 4, `.. ${words.length - 4} more ..`);
  return `[${words.join(", ")}]`;
}

export function describeMessage(message: Message): string {
  const head = `${message.from}>${message.to} ${typeName(message.type)} term ${message.term}`;
  return head + describeBody(message) + describeDoubt(message);
}

/** Whether the log of the sender, or of the receiver of an append, may have lost its end. */
function describeDoubt({ type, context }: Message): string {
  const answers = [
    MessageType.append,
    MessageType.appendResponse,
    MessageType.heartbeatResponse,
    MessageType.voteResponse,
    MessageType.preVoteResponse,
  ];
  return context !== 0 && answers.some((answer) => answer === type) ? ", in doubt" : "";
}

function describeBody(message: Message): string {
  const { type, index, logTerm, commit, reject, round, context, snapshot } = message;
  switch (type) {
    case MessageType.vote:
    case MessageType.preVote:
      return ` last ${index}/${logTerm}${context === 0 ? "" : " by transfer"}`;
    case MessageType.voteResponse:
    case MessageType.preVoteResponse:
      return reject ? " refused" : " granted";
    case MessageType.append: {
      const entries = message.entries.length > 0 ? ` ${describeEntries(message.entries)}` : "";
      return ` after ${index}/${logTerm} commit ${commit}${entries}`;
    }
    case MessageType.appendResponse:
      if (!reject) return ` match ${index}`;
      return ` refused ${index} hint ${message.rejectHint}/${message.rejectHintTerm}`;
    case MessageType.heartbeat:
      return ` commit ${commit} round ${round}`;
    case MessageType.heartbeatResponse:
      return ` round ${round}`;
    case MessageType.snapshot:
      return ` ${snapshot!.index}/${snapshot!.term} ${describeConf(snapshot!.conf)}`;
    case MessageType.timeoutNow:
      return "";
    case MessageType.readIndex:
      return ` context ${context}`;
    case MessageType.readIndexResponse:
      return ` context ${context}${reject ? " refused" : ` index ${index}`}`;
    default:
      return type satisfies never;
  }
}

export function describeStatus(core: RaftCore): string {
  const leader = core.leader === 0 ? "" : ` leader ${core.leader}`;
  const log = `log ${core.firstIndex}..${core.lastIndex}`;
  const done = `commit ${core.commitIndex} applied ${core.appliedIndex}`;
  const role = `${roleName(core.role)}${core.trusted ? "" : " in doubt"}`;
  return `${core.id}: ${role} term ${core.term}${leader} ${log} ${done} ${describeConf(core.conf)}`;
}

export function describeProgress(view: ProgressView): string {
  const learner = view.learner ? " learner" : "";
  const active = view.active ? "" : " silent";
  const place = `${view.state} match ${view.match} next ${view.next}`;
  const flight = `inflight ${view.inflightMessages}/${view.inflightBytes}`;
  const snapshot = view.snapshotIndex > 0 ? ` snapshot ${view.snapshotIndex}` : "";
  return `${view.id}: ${place} ${flight}${snapshot}${learner}${active}`;
}

// Runs the commands of a transcript against a small cluster and says what happened.
import { EntryType } from "../../src/raft/types.ts";
import type {
  ConfStep,
  Entry,
  HardState,
  Message,
  Ready,
  SnapshotMark,
} from "../../src/raft/types.ts";
import { emptyDisk, TestCluster, voterConf } from "./cluster.ts";
import type { Disk, TestNode } from "./cluster.ts";
import {
  describeConf,
  describeEntries,
  describeMessage,
  describeProgress,
  describeStatus,
  roleName,
  typeName,
} from "./describe.ts";
import { seededRandom } from "./rng.ts";

/** A command line taken apart: words, and `name=value` pairs. */
interface Line {
  readonly name: string;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

function parseLine(text: string): Line {
  const [name = "", ...rest] = text.trim().split(/\s+/);
  const words = rest.filter((word) => !word.includes("="));
  const pairs = rest.filter((word) => word.includes("="));
  return {
    name,
    words,
    options: new Map(pairs.map((pair) => pair.split("=") as [string, string])),
  };
}

function numbers(list: string | undefined): number[] {
  return list === undefined || list === "" ? [] : list.split(",").map(Number);
}

/** `+4` add as voter, `~4` as learner, `-4` remove. */
function parseStep(word: string): ConfStep {
  const id = Number(word.slice(1));
  if (word.startsWith("+")) return { action: "addVoter", id };
  return { action: word.startsWith("~") ? "addLearner" : "remove", id };
}

/** A log as in the paper's figures: the term of each entry. */
function logOfTerms(terms: readonly number[]): Entry[] {
  return terms.map((term, at) => ({
    term,
    index: at + 1,
    type: EntryType.normal,
    data: Buffer.from(`t${term}`),
  }));
}

export class Transcript {
  #cluster = new TestCluster({}, seededRandom(1));
  #output: string[] = [];
  #quiet = false;
  readonly #commands: ReadonlyMap<string, (line: Line) => void> = new Map([
    ["cluster", (line: Line) => this.#start(line)],
    ["node", (line) => this.#setNode(line)],
    ["tick", (line) => this.#tick(line)],
    ["campaign", (line) => this.#node(line).core.campaign()],
    ["propose", (line) => this.#propose(line)],
    ["conf", (line) => this.#conf(line)],
    ["read", (line) => this.#read(line)],
    ["transfer", (line) => this.#transfer(line)],
    ["abort", (line) => this.#node(line).core.abortTransfer()],
    ["ready", (line) => this.#ready(line)],
    ["write", (line) => this.#write(line)],
    ["apply", (line) => this.#apply(line)],
    ["deliver", (line) => this.#pass(line, (message) => this.#cluster.deliver(message))],
    ["drop", (line) => this.#pass(line, (message) => this.#cluster.drop(message))],
    ["repeat", (line) => this.#repeat(line)],
    ["cut", (line) => this.#cut(line)],
    ["heal", () => this.#cluster.partition.clear()],
    ["settle", (line) => this.#settle(line)],
    ["run", (line) => this.#runOn(line)],
    ["disk", (line) => this.#disk(line)],
    ["crash", (line) => this.#node(line).crash(Number(line.options.get("landed") ?? 0))],
    ["restart", (line) => this.#node(line).restart()],
    ["lose", (line) => this.#node(line).loseEnd(Number(line.options.get("writes") ?? 1))],
    ["distrust", (line) => this.#node(line).core.distrust()],
    ["compact", (line) => this.#compact(line)],
    ["unreachable", (line) => this.#node(line).core.reportUnreachable(Number(line.words[1]))],
    ["round", (line) => this.#say(`round ${this.#node(line).core.beginRound()}`)],
    ["status", (line) => this.#status(line)],
    ["logs", () => this.#logs()],
    ["machines", () => this.#machines()],
    ["progress", (line) => this.#progress(line)],
    ["lease", (line) => this.#lease(line)],
    ["settled", (line) => this.#say(this.#node(line).core.confSettled() ? "settled" : "not yet")],
    ["network", () => this.#network()],
  ]);

  /** Runs one command line and returns what there is to say about it. */
  run(text: string): string {
    this.#output = [];
    const line = parseLine(text);
    const command = this.#commands.get(line.name);
    if (command === undefined) throw new Error(`no command "${line.name}"`);
    command(line);
    return this.#output.length === 0 ? "ok" : this.#output.join("\n");
  }

  #say(text: string): void {
    if (!this.#quiet) this.#output.push(text);
  }

  #node(line: Line, word = 0): TestNode {
    return this.#cluster.node(Number(line.words[word]));
  }

  /** The nodes named, or all. */
  #nodes(line: Line): TestNode[] {
    const ids = line.words.map(Number).filter((id) => !Number.isNaN(id));
    return ids.length === 0 ? this.#cluster.live() : ids.map((id) => this.#cluster.node(id));
  }

  /** `cluster 1,2,3 learners=4 spare=5 electionTicks=10 preVote=false ...` */
  #start(line: Line): void {
    const options: Record<string, number | boolean> = { electionTicks: 10, heartbeatTicks: 1 };
    for (const [name, value] of line.options) {
      if (name === "learners" || name === "spare") continue;
      options[name] = value === "true" || value === "false" ? value === "true" : Number(value);
    }
    this.#cluster = new TestCluster(options, seededRandom(1));
    this.#cluster.observer = {
      onReady: (node, ready) => this.#sayReady(node, ready),
      onInstall: (node, snapshot) => this.#say(`${node.id} installs ${describeMark(snapshot)}`),
    };
    const conf = voterConf(numbers(line.words[0]), numbers(line.options.get("learners")));
    for (const id of [...conf.voters, ...conf.learners]) this.#cluster.add(id, emptyDisk(conf));
    for (const id of numbers(line.options.get("spare"))) {
      this.#cluster.add(id, emptyDisk(voterConf([])));
    }
  }

  /** `node 1 term=8 log=1,1,4 commit=2 vote=3`: replaces its disk, then restarts it. */
  #setNode(line: Line): void {
    const node = this.#node(line);
    const entries = logOfTerms(numbers(line.options.get("log")));
    const hardState: HardState = {
      term: Number(line.options.get("term") ?? entries.at(-1)?.term ?? 0),
      vote: Number(line.options.get("vote") ?? 0),
      commit: Number(line.options.get("commit") ?? 0),
    };
    const disk: Disk = { ...node.disk, entries, hardState, unsynced: [], synced: null };
    this.#cluster.add(node.id, disk);
  }

  #tick(line: Line): void {
    const times = Number(line.options.get("times") ?? 1);
    for (const node of this.#nodes(line)) for (let at = 0; at < times; at++) node.core.tick();
  }

  #propose(line: Line): void {
    const { core } = this.#node(line);
    const text = line.words[1] ?? "";
    const data = Buffer.from(text.padEnd(Number(line.options.get("bytes") ?? 0), "."));
    const times = Number(line.options.get("times") ?? 1);
    for (let at = 0; at < times; at++) {
      const refusal = core.refusal(data.length);
      const index = core.propose(data);
      if (times === 1 || index === 0)
        this.#say(index === 0 ? `refused: ${refusal}` : `at ${index}`);
    }
  }

  #conf(line: Line): void {
    const words = line.words.slice(1).filter((word) => word !== "leave" && word !== "explicit");
    const outcome = this.#node(line).core.proposeConf({
      steps: words.map(parseStep),
      explicitLeave: line.words.includes("explicit"),
    });
    if (outcome.kind === "proposed") this.#say(`at ${outcome.index}`);
    else this.#say(`refused: ${outcome.reason}, ${outcome.detail}`);
  }

  #read(line: Line): void {
    const asked = this.#node(line).core.readIndex(Number(line.words[1]));
    this.#say(asked ? "asked" : "refused: no leader");
  }

  #transfer(line: Line): void {
    const begun = this.#node(line).core.transferLeadership(Number(line.words[1]));
    this.#say(begun ? "begun" : "refused");
  }

  #ready(line: Line): void {
    for (const node of this.#nodes(line)) {
      if (node.core.hasReady()) node.processReady();
      else this.#say(`${node.id} has nothing to do`);
    }
  }

  #write(line: Line): void {
    for (const node of this.#nodes(line)) {
      let number = 0;
      while (node.writes.length > 0) {
        number = node.writes[0]!.number;
        node.completeWrite();
        if (line.words.includes("one")) break;
      }
      this.#say(number === 0 ? `${node.id} writes nothing` : `${node.id} wrote up to ${number}`);
    }
  }

  #apply(line: Line): void {
    for (const node of this.#nodes(line)) {
      while (node.applyOne());
      this.#say(`${node.id} applied up to ${node.core.appliedIndex}`);
    }
  }

  /** Which messages on the way: `1>2`, `>2`, `1>` or nothing; `type=append`, `first=2`. */
  #chosen(line: Line): (message: Message) => boolean {
    const [from = "", to = ""] = (line.words[0] ?? ">").split(">");
    const type = line.options.get("type");
    let left = Number(line.options.get("first") ?? Number.POSITIVE_INFINITY);
    return (message) => {
      if (from !== "" && message.from !== Number(from)) return false;
      if (to !== "" && message.to !== Number(to)) return false;
      if (type !== undefined && typeName(message.type) !== type) return false;
      return left-- > 0;
    };
  }

  #pass(line: Line, act: (message: Message) => void): void {
    const chosen = this.#chosen(line);
    const before = this.#cluster.network;
    const taken: Message[] = [];
    this.#cluster.network = [];
    for (const message of before) (chosen(message) ? taken : this.#cluster.network).push(message);
    for (const message of taken) {
      this.#say(describeMessage(message));
      act(message);
    }
    if (taken.length === 0) this.#say("no such message");
  }

  /** Doubles messages on the way. */
  #repeat(line: Line): void {
    const chosen = this.#chosen(line);
    this.#cluster.network.push(...this.#cluster.network.filter(chosen));
  }

  /** `cut 1 2,3`: each word is a side. */
  #cut(line: Line): void {
    this.#cluster.partition.clear();
    line.words.forEach((side, at) => {
      for (const id of numbers(side)) this.#cluster.partition.set(id, at);
    });
  }

  #settle(line: Line): void {
    this.#quiet = line.words.includes("quietly");
    this.#cluster.settle();
    this.#quiet = false;
  }

  /** `run times=20`: time passes for all, everything arrives and is written at once. */
  #runOn(line: Line): void {
    this.#quiet = !line.words.includes("aloud");
    for (let at = Number(line.options.get("times") ?? 1); at > 0; at--) {
      for (const node of this.#cluster.live()) node.core.tick();
      this.#cluster.settle();
    }
    this.#quiet = false;
  }

  #disk(line: Line): void {
    for (const { id, disk } of this.#nodes(line)) {
      const { term, vote, commit } = disk.hardState;
      const log = describeEntries(disk.entries);
      const snapshot = disk.snapshot.index > 0 ? ` snapshot ${describeMark(disk.snapshot)}` : "";
      this.#say(`${id}: term ${term} vote ${vote} commit ${commit}${snapshot} ${log}`);
    }
  }

  #compact(line: Line): void {
    const node = this.#node(line);
    node.compact(Number(line.words[1]));
    this.#say(`log of ${node.id} begins at ${node.core.firstIndex}`);
  }

  #status(line: Line): void {
    for (const node of this.#nodes(line)) {
      this.#say(node.alive ? describeStatus(node.core) : `${node.id}: down`);
    }
  }

  #logs(): void {
    for (const { id, core } of this.#cluster.live()) {
      const terms: number[] = [];
      for (let at = core.firstIndex; at <= core.lastIndex; at++) terms.push(core.termAt(at));
      this.#say(`${id}: ${terms.join(" ")} (committed ${core.commitIndex})`);
    }
  }

  #machines(): void {
    for (const { id, machine } of this.#cluster.live()) {
      const shown = machine.length > 8 ? `${machine.length} commands` : machine.join(" ");
      this.#say(`${id}: ${shown}`);
    }
  }

  #progress(line: Line): void {
    const { core } = this.#node(line);
    for (const id of this.#cluster.nodes.keys()) {
      const view = core.progress(id);
      if (view !== null && id !== core.id) this.#say(describeProgress(view));
    }
    this.#say(`needed from ${core.neededIndex()}`);
  }

  #lease(line: Line): void {
    const { core } = this.#node(line);
    this.#say(`round ${core.round}, acknowledged by a quorum ${core.quorumRound()}`);
  }

  #network(): void {
    for (const message of this.#cluster.network) this.#say(describeMessage(message));
  }

  #sayReady(node: TestNode, ready: Ready): void {
    const { id } = node;
    if (ready.roleChanged) {
      const leader = node.core.leader === 0 ? "" : `, leader ${node.core.leader}`;
      this.#say(`${id} is ${roleName(node.core.role)} in term ${node.core.term}${leader}`);
    }
    if (ready.write !== 0) this.#say(`${id} write ${ready.write}:${describeWrite(ready)}`);
    for (const message of ready.messages) this.#say(`${id} sends ${describeMessage(message)}`);
    for (const { to, indexMin } of ready.snapshotRequests) {
      this.#say(`${id} streams a snapshot at ${indexMin} or later to ${to}`);
    }
    if (ready.committed.length > 0) this.#say(`${id} commits ${describeEntries(ready.committed)}`);
    for (const { context, index } of ready.readStates) {
      this.#say(`${id} answers read ${context} at ${index}`);
    }
  }
}

function describeWrite(ready: Ready): string {
  const { hardState, snapshot, entries, mustSync } = ready;
  let text = "";
  if (hardState !== null) {
    text += ` term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`;
  }
  if (snapshot !== null) text += ` snapshot ${describeMark(snapshot)}`;
  if (entries.length > 0) text += ` ${describeEntries(entries)}`;
  return mustSync ? `${text} (sync)` : text;
}

function describeMark(snapshot: SnapshotMark): string {
  return `${snapshot.index}/${snapshot.term} ${describeConf(snapshot.conf)}`;
}

/** A transcript's text: comments and blank lines stay, each command is followed by its output. */
export function replay(text: string): string {
  const transcript = new Transcript();
  const out: string[] = [];
  let inOutput = false;
  for (const line of text.split("\n")) {
    const isComment = line.startsWith("#");
    if (line.trim() === "") inOutput = false;
    else if (line === "----") inOutput = true;
    if (inOutput) continue;
    out.push(line);
    if (line.trim() === "" || isComment) continue;
    let result: string;
    try {
      result = transcript.run(line);
    } catch (error) {
      result = `error: ${error instanceof Error ? error.message : String(error)}`;
    }
    out.push("----", result);
  }
  return out.join("\n");
}

// Which transaction must come before which, and cycles in that.
import { Digraph, type Labels, type Step } from "./digraph.ts";
import { latestEffectAt, type Finding } from "./history.ts";
import { appendsTo, printTransaction, type Transaction } from "./list-transactions.ts";
import type { ListVersions } from "./list-versions.ts";

/** Appended earlier. */
const WW = 1;
/** Appended what the other read. */
const WR = 2;
/** Read before the other appended. */
const RW = 4;
/** Returned before the other was invoked. */
const RT = 8;
/** Out of a gate; see {@link GraphBuilder}. */
const GATE = 16;

/** From the gravest: what is a cycle already without reads is not told as one with reads. */
const MASKS: readonly Labels[] = [
  WW,
  WW | WR,
  WW | WR | RW,
  WW | RT,
  WW | WR | RT,
  WW | WR | RW | RT,
];

const CYCLES_MAX = 3;
/** Nodes, or edges, of a component from which a short cycle is looked for. */
const STARTS_MAX = 100;

/** Cycles among transactions that happened, each named after the anomaly it is. */
export function findCycles(
  transactions: readonly Transaction[],
  lists: readonly ListVersions[],
): Finding[] {
  const builder = new GraphBuilder(transactions, lists);
  const { graph } = builder;
  for (const mask of MASKS) {
    const components = graph.components(mask | GATE);
    if (components.length === 0) continue;
    return components
      .slice(0, CYCLES_MAX)
      .map((component) => builder.describe(shortCycle(graph, component, mask)));
  }
  return [];
}

/**
 * Edges between transactions, as few as say it all: ww and rw to the next version alone, real time
 * from the latest that returned.
 *
 * Elements nobody saw come, in whatever order, behind all that was seen. Each list has a gate: what
 * comes before all unseen elements points to it, and it points to those who appended them.
 */
class GraphBuilder {
  readonly graph: Digraph;
  readonly #transactions: readonly Transaction[];
  readonly #places: ReadonlyMap<Transaction, number>;
  /** Key and element an edge is there for, by its note. */
  readonly #notes: { readonly key: string; readonly element: number }[] = [];

  constructor(transactions: readonly Transaction[], lists: readonly ListVersions[]) {
    this.#transactions = transactions;
    this.#places = new Map(transactions.map((transaction, place) => [transaction, place]));
    this.graph = new Digraph(transactions.length + lists.length);
    lists.forEach((list, at) => this.#addList(list, transactions.length + at));
    this.#addRealTime();
  }

  #addList(list: ListVersions, gate: number): void {
    const { key, order, writers } = list;
    const writerAt = order.map((element) => this.#places.get(writers.get(element)!)!);
    for (let at = 1; at < order.length; at++) {
      this.#add(writerAt[at - 1]!, writerAt[at]!, WW, key, order[at]!);
    }
    const behind = this.#addGate(list, gate);
    if (order.length > 0) behind(writerAt.at(-1)!, WW);
    for (const [reader, length] of this.#versionsRead(list)) {
      if (length > 0) this.#add(writerAt[length - 1]!, reader, WR, key, order[length - 1]!);
      if (length < order.length) this.#add(reader, writerAt[length]!, RW, key, order[length]!);
      else behind(reader, RW);
    }
  }

  /** Elements each reader found there before its own: it is enough to look at its first read. */
  #versionsRead({ key, reads }: ListVersions): Map<number, number> {
    const lengths = new Map<number, number>();
    for (const { transaction, list } of reads) {
      const reader = this.#places.get(transaction)!;
      if (lengths.has(reader)) continue;
      const own = new Set(appendsTo(transaction, key));
      lengths.set(reader, list.filter((element) => !own.has(element)).length);
    }
    return lengths;
  }

  /**
   * Adds the edges out of the gate, and returns how to put a transaction before all unseen
   * elements. One that appended some of them itself gets edges of its own, since it is not before
   * itself. Two such readers are a cycle already, so a few are enough.
   */
  #addGate(list: ListVersions, gate: number): (place: number, label: Labels) => void {
    const { key, order, writers } = list;
    const seen = new Set(order);
    const unseen = new Map<number, number>();
    for (const [element, writer] of writers) {
      const place = this.#places.get(writer);
      if (place !== undefined && !seen.has(element) && !unseen.has(place)) {
        unseen.set(place, element);
      }
    }
    for (const [place, element] of unseen) this.#add(gate, place, GATE, key, element);
    let directCount = 0;
    return (place, label) => {
      if (!unseen.has(place)) return this.#add(place, gate, label, key, -1);
      if (directCount++ >= 3) return;
      for (const [other, element] of unseen) this.#add(place, other, label, key, element);
    };
  }

  #add(from: number, to: number, label: Labels, key: string, element: number): void {
    this.graph.add(from, to, label, this.#notes.push({ key, element }) - 1);
  }

  /** Edges from the transactions that returned last: those they follow are before all the same. */
  #addRealTime(): void {
    const byReturn = this.#transactions
      .map((_, place) => place)
      .sort((a, b) => this.#returnedAt(a) - this.#returnedAt(b));
    const byInvocation = this.#transactions
      .map((_, place) => place)
      .sort((a, b) => this.#transactions[a]!.invokedAt - this.#transactions[b]!.invokedAt);
    let frontier: number[] = [];
    let returnedCount = 0;
    for (const place of byInvocation) {
      const { invokedAt } = this.#transactions[place]!;
      for (; returnedCount < byReturn.length; returnedCount++) {
        const returned = byReturn[returnedCount]!;
        if (this.#returnedAt(returned) >= invokedAt) break;
        const since = this.#transactions[returned]!.invokedAt;
        frontier = frontier.filter((earlier) => this.#returnedAt(earlier) >= since);
        frontier.push(returned);
      }
      for (const earlier of frontier) this.graph.add(earlier, place, RT, -1);
    }
  }

  #returnedAt(place: number): number {
    return latestEffectAt(this.#transactions[place]!);
  }

  /** Names the cycle, and prints its transactions and why each comes before the next. */
  describe(cycle: readonly Step[]): Finding {
    const steps = this.#withoutGates(cycle);
    const names = new Map(steps.map(({ from }, at) => [from, `T${at + 1}`]));
    const lines = steps.map(
      ({ from }) => `  ${names.get(from)}: ${printTransaction(this.#transactions[from]!)}`,
    );
    const reasons = steps.map(({ from, to, label, note }) => {
      const [before, after] = [names.get(from)!, names.get(to)!];
      return `  ${before} is before ${after}: ${this.#reason(before, after, label, note)}`;
    });
    return { rule: anomalyOf(steps), text: ["a cycle:", ...lines, ...reasons].join("\n") };
  }

  #reason(before: string, after: string, label: Labels, note: number): string {
    const { key, element } = this.#notes[note] ?? { key: "", element: -1 };
    if (label === WW) return `${after} appended ${element} to ${key} later (ww)`;
    if (label === WR) return `${after} saw ${before}'s ${element} in ${key} (wr)`;
    if (label === RW) return `${before} did not see ${after}'s ${element} in ${key} (rw)`;
    return `${before} returned before ${after} was invoked (real time)`;
  }

  /** Joins the edge into a gate with the edge out of it, and starts at a transaction. */
  #withoutGates(cycle: readonly Step[]): Step[] {
    const count = this.#transactions.length;
    const steps = cycle[0]!.from < count ? cycle : [...cycle.slice(1), cycle[0]!];
    return steps.flatMap((step, at) => {
      if (step.from >= count) return [];
      if (step.to < count) return [step];
      const { to, note } = steps[(at + 1) % steps.length]!;
      return [{ from: step.from, to, label: step.label, note }];
    });
  }
}

/** The names of Adya and of Elle. */
function anomalyOf(steps: readonly Step[]): string {
  const count = (label: Labels): number => steps.filter((step) => step.label === label).length;
  const suffix = count(RT) > 0 ? "-realtime" : "";
  if (count(RW) > 1) return `G2${suffix}`;
  if (count(RW) === 1) return `G-single${suffix}`;
  return (count(WR) > 0 ? "G1c" : "G0") + suffix;
}

/** A short cycle; one with a single rw edge if there is any. */
function shortCycle(graph: Digraph, component: readonly number[], mask: Labels): Step[] {
  const within = new Set(component);
  const all = mask | GATE;
  const inside = component.flatMap((node) =>
    graph.edgesFrom(node, all).filter(({ to }) => within.has(to)),
  );
  const closing = inside.filter(({ label }) => label === RW).slice(0, STARTS_MAX);
  const singles = closing.flatMap((edge) => {
    const back = graph.shortestPath(edge.to, edge.from, all & ~RW, within);
    return back === null ? [] : [[edge, ...back]];
  });
  const cycles =
    singles.length > 0
      ? singles
      : component
          .slice(0, STARTS_MAX)
          .flatMap((node) => [graph.shortestPath(node, node, all, within) ?? []]);
  return cycles.reduce((best, cycle) => (cycle.length < best.length ? cycle : best));
}

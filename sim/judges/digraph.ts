// A directed graph with labelled edges over typed arrays: strongly connected components, and
// shortest ways around.

/** Labels are bits, so that a set of them is a mask. */
export type Labels = number;

/** An edge, as a step of a path. */
export interface Step {
  readonly from: number;
  readonly to: number;
  readonly label: number;
  /** What the edge was added with: why it is there. */
  readonly note: number;
}

/** Nodes 0 to `nodeCount` - 1. Edges are added first, then questions asked. */
export class Digraph {
  readonly #nodeCount: number;
  #ends = new Int32Array(1024);
  #labels = new Uint8Array(1024);
  #notes = new Int32Array(1024);
  /** The next edge out of the same node. */
  #nextEdge = new Int32Array(1024);
  readonly #firstEdge: Int32Array;
  #edgeCount = 0;

  constructor(nodeCount: number) {
    this.#nodeCount = nodeCount;
    this.#firstEdge = new Int32Array(nodeCount).fill(-1);
  }

  /** Adds an edge; one from a node to itself is left out. */
  add(from: number, to: number, label: number, note: number): void {
    if (from === to) return;
    if (this.#edgeCount === this.#ends.length) this.#grow();
    const edge = this.#edgeCount++;
    this.#ends[edge] = to;
    this.#labels[edge] = label;
    this.#notes[edge] = note;
    this.#nextEdge[edge] = this.#firstEdge[from]!;
    this.#firstEdge[from] = edge;
  }

  /** Edges out of a node whose label is in the mask. */
  edgesFrom(from: number, mask: Labels): Step[] {
    const steps: Step[] = [];
    for (let edge = this.#firstEdge[from]!; edge !== -1; edge = this.#nextEdge[edge]!) {
      const label = this.#labels[edge]!;
      if ((label & mask) === 0) continue;
      steps.push({ from, to: this.#ends[edge]!, label, note: this.#notes[edge]! });
    }
    return steps;
  }

  /** Components of two nodes and more under the edges in the mask (Tarjan 1972). O(n + m). */
  components(mask: Labels): number[][] {
    const walk = new ComponentWalk(this.#nodeCount);
    const edgeOf = (edge: number): number => {
      while (edge !== -1 && (this.#labels[edge]! & mask) === 0) edge = this.#nextEdge[edge]!;
      return edge;
    };
    for (let root = 0; root < this.#nodeCount; root++) {
      if (walk.isSeen(root)) continue;
      walk.enter(root, edgeOf(this.#firstEdge[root]!));
      for (let edge = walk.edge(); edge !== undefined; edge = walk.edge()) {
        if (edge === -1) {
          walk.leave();
          continue;
        }
        walk.setEdge(edgeOf(this.#nextEdge[edge]!));
        const to = this.#ends[edge]!;
        if (walk.isSeen(to)) walk.touch(to);
        else walk.enter(to, edgeOf(this.#firstEdge[to]!));
      }
    }
    return walk.components;
  }

  /**
   * The shortest way between nodes over edges in the mask and nodes of `within`; null when there is
   * none. From a node to itself: the shortest cycle. O(n + m).
   */
  shortestPath(from: number, to: number, mask: Labels, within: ReadonlySet<number>): Step[] | null {
    const cameBy = new Map<number, Step>();
    let frontier = [from];
    while (frontier.length > 0 && !cameBy.has(to)) {
      const next: number[] = [];
      for (const step of frontier.flatMap((node) => this.edgesFrom(node, mask))) {
        if (cameBy.has(step.to) || !within.has(step.to)) continue;
        cameBy.set(step.to, step);
        next.push(step.to);
      }
      frontier = next;
    }
    if (!cameBy.has(to)) return null;
    const path = [cameBy.get(to)!];
    while (path[0]!.from !== from) path.unshift(cameBy.get(path[0]!.from)!);
    return path;
  }

  #grow(): void {
    this.#ends = doubled(this.#ends, Int32Array);
    this.#nextEdge = doubled(this.#nextEdge, Int32Array);
    this.#labels = doubled(this.#labels, Uint8Array);
    this.#notes = doubled(this.#notes, Int32Array);
  }
}

function doubled<Words extends Int32Array | Uint8Array>(
  words: Words,
  Kind: new (length: number) => Words,
): Words {
  const larger = new Kind(2 * words.length);
  larger.set(words);
  return larger;
}

/** What Tarjan's walk remembers, with a stack of its own in place of recursion. */
class ComponentWalk {
  readonly components: number[][] = [];
  /** Order of discovery from 1; 0 is not seen. */
  readonly #order: Int32Array;
  readonly #lowest: Int32Array;
  readonly #isOpen: Uint8Array;
  readonly #open: number[] = [];
  readonly #trail: number[] = [];
  readonly #trailEdges: number[] = [];
  #seenCount = 0;

  constructor(nodeCount: number) {
    this.#order = new Int32Array(nodeCount);
    this.#lowest = new Int32Array(nodeCount);
    this.#isOpen = new Uint8Array(nodeCount);
  }

  isSeen(node: number): boolean {
    return this.#order[node] !== 0;
  }

  enter(node: number, firstEdge: number): void {
    this.#order[node] = ++this.#seenCount;
    this.#lowest[node] = this.#seenCount;
    this.#isOpen[node] = 1;
    this.#open.push(node);
    this.#trail.push(node);
    this.#trailEdges.push(firstEdge);
  }

  /** The edge to follow next; -1: none is left, undefined: the walk is over. */
  edge(): number | undefined {
    return this.#trailEdges.at(-1);
  }

  setEdge(edge: number): void {
    this.#trailEdges[this.#trailEdges.length - 1] = edge;
  }

  /** An edge leads to a node already seen. */
  touch(to: number): void {
    if (this.#isOpen[to] === 1) this.#lower(this.#trail.at(-1)!, this.#order[to]!);
  }

  leave(): void {
    const node = this.#trail.pop()!;
    this.#trailEdges.pop();
    const parent = this.#trail.at(-1);
    if (parent !== undefined) this.#lower(parent, this.#lowest[node]!);
    if (this.#lowest[node] !== this.#order[node]) return;
    const component = this.#open.splice(this.#open.lastIndexOf(node));
    for (const member of component) this.#isOpen[member] = 0;
    if (component.length > 1) this.components.push(component);
  }

  #lower(node: number, order: number): void {
    this.#lowest[node] = Math.min(this.#lowest[node]!, order);
  }
}

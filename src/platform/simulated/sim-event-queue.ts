// What is to happen in a simulated world, ordered by time and, within one time, by order of asking.
import type { Timer } from "../clock.ts";
import type { SimProcess } from "./sim-process.ts";

/** Something that will happen once. */
export class SimEvent implements Timer {
  readonly atMs: number;
  readonly sequence: number;
  /** Whose event it is: it dies with its process. Null: the world's own. */
  readonly process: SimProcess | null;
  #run: (() => void) | null;

  constructor(atMs: number, sequence: number, process: SimProcess | null, run: () => void) {
    this.atMs = atMs;
    this.sequence = sequence;
    this.process = process;
    this.#run = run;
  }

  get cancelled(): boolean {
    return this.#run === null;
  }

  run(): void {
    const run = this.#run;
    this.#run = null;
    run?.();
  }

  cancel(): void {
    this.#run = null;
  }
}

/** A binary heap of events. */
export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #sequence = 0;

  /** Time of the next event that was not cancelled, or infinity. */
  get nextAtMs(): number {
    this.#dropCancelled();
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  push(atMs: number, process: SimProcess | null, run: () => void): SimEvent {
    const event = new SimEvent(atMs, this.#sequence++, process, run);
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
    return event;
  }

  /** Takes the next event that was not cancelled. */
  pop(): SimEvent | null {
    this.#dropCancelled();
    return this.#popAny();
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.cancelled === true) this.#popAny();
  }

  #popAny(): SimEvent | null {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) return null;
    if (top === last) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function before(left: SimEvent, right: SimEvent): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.sequence < right.sequence);
}

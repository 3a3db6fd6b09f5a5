// Tells the outside what went wrong with peers, without letting a flood of it through.
import type { LinkKind } from "./handshake-format.ts";
import type { NodeId } from "./peer-message.ts";

/**
 * - `refused`: this node turned a connection down before it was trusted;
 * - `refusedByPeer`: the other side did, and said why;
 * - `badFrame`: a trusted peer sent what cannot be, and was disconnected;
 * - `silent`: nothing came and nothing left for too long;
 * - `unreachable`: a peer cannot be connected to (reported once until it can);
 * - `replaced`: a node connected anew while its old connection stood.
 */
export type TransportEventKind =
  | "refused"
  | "refusedByPeer"
  | "badFrame"
  | "silent"
  | "unreachable"
  | "replaced";

/**
 * One thing to tell the operator. Holds no secret and no bytes that the other side chose freely.
 */
export interface TransportEvent {
  readonly kind: TransportEventKind;
  /** Who connected to whom: "in" was accepted here, "out" was dialled. */
  readonly direction: "in" | "out";
  readonly remote: string;
  /** 0: unknown. Before trust it is only what the other side claims. */
  readonly nodeId: NodeId;
  /** Null: not known yet. */
  readonly link: LinkKind | null;
  /** In plain words. */
  readonly reason: string;
  /** Events of this kind that were left out before this one. */
  readonly suppressed: number;
}

interface Budget {
  left: number;
  suppressed: number;
}

/** Lets a burst of each kind through, then one per tick. */
export class EventReporter {
  readonly #report: (event: TransportEvent) => void;
  readonly #burst: number;
  readonly #budgets = new Map<TransportEventKind, Budget>();

  constructor(report: (event: TransportEvent) => void, burst: number) {
    this.#report = report;
    this.#burst = burst;
  }

  report(event: Omit<TransportEvent, "suppressed">): void {
    let budget = this.#budgets.get(event.kind);
    if (budget === undefined) {
      budget = { left: this.#burst, suppressed: 0 };
      this.#budgets.set(event.kind, budget);
    }
    if (budget.left === 0) {
      budget.suppressed++;
      return;
    }
    budget.left--;
    const suppressed = budget.suppressed;
    budget.suppressed = 0;
    this.#report({ ...event, suppressed });
  }

  /** Time passed: each kind may speak once more. */
  tick(): void {
    for (const budget of this.#budgets.values()) {
      if (budget.left < this.#burst) budget.left++;
    }
  }
}

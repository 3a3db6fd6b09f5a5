// Transactions over lists: what they consist of, and how they are printed.
import { printOperation, type Operation } from "./history.ts";

/** A step of a transaction. Elements are unique in their key, over the whole run. */
export type ListStep =
  | { readonly kind: "append"; readonly key: string; readonly element: number }
  | { readonly kind: "read"; readonly key: string };

/** A reply per step: the whole list, first element first, for a read; null for an append. */
export type ListReply = readonly (readonly number[] | null)[];

/** Steps that take effect at once (MULTI .. EXEC), or not at all. */
export type Transaction = Operation<readonly ListStep[], ListReply>;

/** A read that had a reply. */
export interface ListRead {
  readonly transaction: Transaction;
  readonly key: string;
  readonly list: readonly number[];
}

/** Reads of a transaction in order; none unless its outcome is `ok`. */
export function readsOf(transaction: Transaction): ListRead[] {
  const reads: ListRead[] = [];
  if (transaction.outcome !== "ok") return reads;
  transaction.action.forEach(({ kind, key }, place) => {
    if (kind === "read") reads.push({ transaction, key, list: transaction.reply?.[place] ?? [] });
  });
  return reads;
}

/** Elements a transaction appends to a key, in order. */
export function appendsTo(transaction: Transaction, key: string): number[] {
  return transaction.action.flatMap((step) =>
    step.kind === "append" && step.key === key ? [step.element] : [],
  );
}

/** A transaction on one line, replies beside their steps. */
export function printTransaction(transaction: Transaction): string {
  const { action, reply, outcome } = transaction;
  const steps = action.map((step, place) => {
    if (step.kind === "append") return `append ${step.key} ${step.element}`;
    const list = outcome === "ok" ? ` [${(reply?.[place] ?? []).join(" ")}]` : "";
    return `read ${step.key}${list}`;
  });
  const plain = outcome === "ok" ? { ...transaction, reply: "ok" } : transaction;
  return printOperation(plain as Operation<readonly ListStep[]>, () => steps.join(", "));
}

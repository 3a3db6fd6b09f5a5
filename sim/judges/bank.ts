// Judges a bank: transfers move money between accounts, so every look at all accounts shows the
// same sum.
import { printOperation, type Finding, type Judgement, type Operation } from "./history.ts";

/** Moves money, or looks at all accounts at once. */
export type BankAction =
  | { readonly kind: "transfer"; readonly amount: number }
  | { readonly kind: "read" };

/**
 * One operation; `keys` are the accounts: two of a transfer, all of a read, whose reply is their
 * balances in this order, null where there is none. The reply of a transfer does not matter.
 */
export type BankOperation = Operation<BankAction, readonly (number | null)[]>;

/** What must hold. */
export interface BankRules {
  readonly accountCount: number;
  readonly total: number;
  /** Whether transfers may overdraw an account. */
  readonly mayOverdraw: boolean;
}

/** Checks each read by itself; transfers are only the background. O(n) in balances read. */
export function judgeBank(history: readonly BankOperation[], rules: BankRules): Judgement {
  const reads = history.filter(({ action, outcome }) => action.kind === "read" && outcome === "ok");
  return {
    checkedCount: reads.length,
    findings: reads.flatMap((read) => checkRead(read, rules)),
    undecided: [],
  };
}

function checkRead(read: BankOperation, rules: BankRules): Finding[] {
  const balances = read.reply ?? [];
  const finding = (rule: string): Finding[] => [
    { rule, text: printOperation(read, ({ kind }, keys) => `${kind} ${keys.join(" ")}`) },
  ];
  const present = balances.filter((balance) => balance !== null);
  if (present.length !== rules.accountCount) return finding("account missing");
  const sum = present.reduce((total, balance) => total + balance, 0);
  if (sum !== rules.total) return finding(`sum is not ${rules.total}`);
  const isOverdrawn = present.some((balance) => balance < 0);
  return isOverdrawn && !rules.mayOverdraw ? finding("account overdrawn") : [];
}

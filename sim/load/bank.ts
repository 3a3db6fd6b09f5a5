// Transfers between accounts by WATCH and MULTI: money is neither made nor lost.
import type { InvariantName } from "../invariants/names.ts";
import { type BankOperation, judgeBank } from "../judges/bank.ts";
import type { Judgement } from "../judges/history.ts";
import { type LoadClient, outcomeOf, plainReply } from "./client.ts";
import type { Workload } from "./workload.ts";

const START_BALANCE = 100;

/** A few accounts. */
export class BankLoad implements Workload {
  readonly name = "bank";
  readonly rule: InvariantName = "transfers keep the sum";
  readonly #accounts: readonly string[];
  readonly #reads: BankOperation[] = [];

  constructor(accounts: number) {
    this.#accounts = Array.from({ length: accounts }, (_, at) => `bank:${at}`);
  }

  async prepare(client: LoadClient): Promise<void> {
    const words = this.#accounts.flatMap((account) => [account, `${START_BALANCE}`]);
    await client.ask(["MSET", ...words]);
  }

  async step(client: LoadClient): Promise<number> {
    return client.random.chance(0.4) ? this.#read(client) : this.#transfer(client);
  }

  async readAll(client: LoadClient): Promise<void> {
    await this.#read(client);
  }

  judge(): Judgement[] {
    const accountCount = this.#accounts.length;
    const total = START_BALANCE * accountCount;
    return [judgeBank(this.#reads, { accountCount, total, mayOverdraw: false })];
  }

  /** All balances at once, by MGET or within MULTI. */
  async #read(client: LoadClient): Promise<number> {
    const isMulti = client.random.chance(0.5);
    const gets = this.#accounts.map((account) => ["GET", account]);
    const commands = isMulti ? [["MULTI"], ...gets, ["EXEC"]] : [["MGET", ...this.#accounts]];
    const { client: number, replies, invokedAt, returnedAt } = await client.ask(...commands);
    const reply = replies?.at(-1);
    if (reply?.kind !== "array") {
      client.leave();
      return commands.length;
    }
    this.#reads.push({
      client: number,
      invokedAt,
      returnedAt,
      keys: this.#accounts,
      action: { kind: "read" },
      outcome: "ok",
      reply: reply.items.map((item) => (item.kind === "nil" ? null : Number(plainReply(item)))),
    });
    return commands.length;
  }

  async #transfer(client: LoadClient): Promise<number> {
    const { random } = client;
    const last = this.#accounts.length - 1;
    const from = this.#accounts[random.between(0, last)]!;
    const to = this.#accounts[random.between(0, last)]!;
    const amount = random.between(1, 30);
    const seen = await client.ask(["WATCH", from], ["GET", from]);
    const shown = seen.replies?.[1];
    if (from === to || shown?.kind !== "bulk" || Number(plainReply(shown)) < amount) {
      if (outcomeOf(shown) === "ok") await client.ask(["UNWATCH"]);
      else client.leave();
      return 3;
    }
    const moves = [["MULTI"], ["DECRBY", from, `${amount}`], ["INCRBY", to, `${amount}`], ["EXEC"]];
    const { replies } = await client.ask(...moves);
    if (outcomeOf(replies?.[3]) !== "ok") client.leave();
    return 6;
  }
}

// SCAN while keys come and go: whatever is there all the time is found.
import type { InvariantName } from "../invariants/names.ts";
import type { Finding, Judgement } from "../judges/history.ts";
import { type LoadClient, plainReply } from "./client.ts";
import type { Workload } from "./workload.ts";

/** Keys that stay. */
const STABLE = 40;
/** Numbers of keys that come and go. */
const COMING = 60;

/** A value may be larger than a segment of the log. */
const LARGE_BYTES_MAX = 60_000;

/** Walks over all keys. */
export class ScanLoad implements Workload {
  readonly name = "scan";
  readonly rule: InvariantName = "scans find what is there";
  readonly #stable = Array.from({ length: STABLE }, (_, at) => `stays:${at}`);
  readonly #findings: Finding[] = [];
  readonly #largePart: number;
  #scans = 0;

  /** @param largePart Share of values that are large, from 0 to 1. */
  constructor(largePart: number) {
    this.#largePart = largePart;
  }

  async prepare(client: LoadClient): Promise<void> {
    await client.ask(["MSET", ...this.#stable.flatMap((key) => [key, "1"])]);
  }

  async step(client: LoadClient): Promise<number> {
    const { random } = client;
    if (random.chance(0.1)) return this.#scan(client);
    const key = `comes:${random.between(0, COMING)}`;
    const value = random.chance(this.#largePart)
      ? "x".repeat(random.between(1, LARGE_BYTES_MAX))
      : "1";
    const asked = await client.ask(random.chance(0.5) ? ["SET", key, value] : ["DEL", key]);
    if (asked.replies === null) client.leave();
    return 1;
  }

  async readAll(client: LoadClient): Promise<void> {
    await this.#scan(client);
  }

  judge(): Judgement[] {
    return [{ checkedCount: this.#scans, findings: this.#findings, undecided: [] }];
  }

  /** A whole scan on one connection; given up when that fails. */
  async #scan(client: LoadClient): Promise<number> {
    const count = `${client.random.between(1, 30)}`;
    const found = new Set<string>();
    let cursor = "0";
    let commands = 0;
    do {
      const { replies } = await client.ask(["SCAN", cursor, "COUNT", count]);
      commands++;
      const reply = replies?.[0];
      const [next, keys] = reply?.kind === "array" ? reply.items : [];
      if (next === undefined || keys?.kind !== "array") {
        client.leave();
        return commands;
      }
      cursor = String(plainReply(next));
      for (const key of keys.items) found.add(String(plainReply(key)));
    } while (cursor !== "0");
    this.#scans++;
    const missing = this.#stable.filter((key) => !found.has(key));
    if (missing.length > 0) {
      const text = `${missing.length} keys not found: ${missing.slice(0, 3).join(" ")}`;
      this.#findings.push({ rule: "scan is complete", text });
    }
    return commands;
  }
}

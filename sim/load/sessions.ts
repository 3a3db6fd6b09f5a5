// Pipelines on one connection: commands take effect in the order they were sent.
import type { InvariantName } from "../invariants/names.ts";
import type { Judgement } from "../judges/history.ts";
import {
  judgeSessions,
  parseStamp,
  printStamp,
  type SessionAction,
  type SessionOperation,
} from "../judges/sessions.ts";
import { type LoadClient, outcomeOf, plainReply } from "./client.ts";
import type { Workload } from "./workload.ts";

const PIPELINE_MAX = 12;

/** Stamps that say who wrote them, and as which write. */
export class SessionLoad implements Workload {
  readonly name = "session";
  readonly rule: InvariantName = "a connection's commands keep their order";
  readonly #keys: readonly string[];
  readonly #history: SessionOperation[] = [];
  #writes = 0;

  constructor(keys: number) {
    this.#keys = Array.from({ length: keys }, (_, at) => `session:${at}`);
  }

  async step(client: LoadClient): Promise<number> {
    const { random } = client;
    const commands = Array.from({ length: random.between(1, PIPELINE_MAX) }, () => {
      const key = this.#keys[random.between(0, this.#keys.length - 1)]!;
      const count = random.chance(0.5) ? ++this.#writes : 0;
      const action: SessionAction = count === 0 ? { kind: "read" } : { kind: "write", count };
      return { key, action };
    });
    await this.#ask(client, commands);
    return commands.length;
  }

  async readAll(client: LoadClient): Promise<void> {
    await this.#ask(
      client,
      this.#keys.map((key) => ({ key, action: { kind: "read" } })),
    );
  }

  judge(): Judgement[] {
    return [judgeSessions(this.#history)];
  }

  async #ask(
    client: LoadClient,
    commands: readonly { readonly key: string; readonly action: SessionAction }[],
  ): Promise<void> {
    const words = commands.map(({ key, action }) =>
      action.kind === "read"
        ? ["GET", key]
        : ["SET", key, printStamp({ client: client.number, count: action.count })],
    );
    const asked = await client.ask(...words);
    for (const [at, { key, action }] of commands.entries()) {
      const reply = asked.replies?.[at];
      const outcome = outcomeOf(reply);
      const isRead = outcome === "ok" && action.kind === "read" && reply?.kind === "bulk";
      this.#history.push({
        client: asked.client,
        invokedAt: asked.invokedAt,
        returnedAt: outcome === "unknown" ? Infinity : asked.returnedAt,
        keys: [key],
        action,
        outcome,
        reply: isRead ? parseStamp(String(plainReply(reply))) : null,
      });
    }
  }
}

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
import { type Asked, type LoadClient, outcomeOf, plainReply } from "./client.ts";
import type { Workload } from "./workload.ts";

const PIPELINE_MAX = 12;
/** A pipeline goes out in so many writes at most, none of which waits for replies. */
const WRITES_MAX = 4;
/** Between two of them, ms: a write of the first may be on its way to the disk. */
const PAUSE_MS_MAX = 3;

interface SessionCommand {
  readonly key: string;
  readonly action: SessionAction;
}

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
    const commands = Array.from({ length: random.between(1, PIPELINE_MAX) }, (): SessionCommand => {
      const key = this.#keys[random.between(0, this.#keys.length - 1)]!;
      const count = random.chance(0.5) ? ++this.#writes : 0;
      const action: SessionAction = count === 0 ? { kind: "read" } : { kind: "write", count };
      return { key, action };
    });
    const { number } = client;
    const asking: Promise<Asked>[] = [];
    const parts = partsOf(commands, random.between(1, WRITES_MAX));
    for (const part of parts) {
      if (asking.length > 0) await client.sleep(random.fraction() * PAUSE_MS_MAX);
      asking.push(client.ask(...part.map(({ key, action }) => wordsOf(number, key, action))));
    }
    for (const [at, asked] of (await Promise.all(asking)).entries()) {
      this.#record(asked, parts[at]!);
    }
    return commands.length;
  }

  async readAll(client: LoadClient): Promise<void> {
    const action: SessionAction = { kind: "read" };
    const commands = this.#keys.map((key) => ({ key, action }));
    const words = commands.map(({ key }) => wordsOf(0, key, action));
    this.#record(await client.askUntilAnswered(...words), commands);
  }

  judge(): Judgement[] {
    return [judgeSessions(this.#history)];
  }

  #record(asked: Asked, commands: readonly SessionCommand[]): void {
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

/** Cuts a list into so many parts, or fewer, of about the same length. */
function partsOf<T>(list: readonly T[], count: number): T[][] {
  const length = Math.ceil(list.length / count);
  return Array.from({ length: Math.ceil(list.length / length) }, (_, at) =>
    list.slice(at * length, (at + 1) * length),
  );
}

function wordsOf(client: number, key: string, action: SessionAction): string[] {
  if (action.kind === "read") return ["GET", key];
  return ["SET", key, printStamp({ client, count: action.count })];
}

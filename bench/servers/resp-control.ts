// Questions that Redis and Kvorum answer in the same words: ready, role, INFO fields, loaded keys.
import { RespClient, RespError, type Reply } from "../load/resp-client.ts";

/** Runs `use` with a connection of its own to `port`. */
export async function withClient<T>(
  port: number,
  use: (client: RespClient) => Promise<T>,
): Promise<T> {
  const client = await RespClient.open(port);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** Sends one command over a connection of its own; throws on an error reply. */
export async function ask(port: number, ...args: string[]): Promise<Reply> {
  return withClient(port, (client) => client.ask(...args));
}

/** Whether PING gets any reply that is not an error (LOADING, for one, is an error). */
export async function answersPing(port: number): Promise<boolean> {
  return !((await withClient(port, (client) => client.send("PING"))) instanceof RespError);
}

/** First word of ROLE: `master` or `slave`. */
export async function roleOf(port: number): Promise<string> {
  const role = await ask(port, "ROLE");
  if (!Array.isArray(role)) throw new Error(`ROLE answered ${String(role)}`);
  return String(role[0]);
}

/** The port among `ports` whose node calls itself master; throws while there is not exactly one. */
export async function findLeaderPort(ports: readonly number[]): Promise<number> {
  const roles = await Promise.all(
    ports.map((port) => roleOf(port).catch((error: unknown) => String(error))),
  );
  const leaders = ports.filter((_, node) => roles[node] === "master");
  if (leaders.length !== 1) throw new Error(`not one leader but ${roles.join(", ")}`);
  return leaders[0]!;
}

/** The fields of an INFO section; empty when the server does not know INFO. */
export async function infoFields(port: number, section: string): Promise<Map<string, string>> {
  const text = await withClient(port, (client) => client.send("INFO", section));
  if (text instanceof RespError) return new Map();
  return parseInfo(String(text));
}

/** Reads `name:value` lines; `#` starts a heading. */
export function parseInfo(text: string): Map<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(":") && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), after(line)]));
}

function after(line: string): string {
  return line.slice(line.indexOf(":") + 1);
}

/** Which of the keys `prefix0` .. `prefix(count - 1)` exist, asked in pipelined EXISTS. */
export async function existingKeys(
  port: number,
  prefix: string,
  count: number,
): Promise<Set<number>> {
  const found = new Set<number>();
  await withClient(port, async (client) => {
    const chunk = 1000;
    for (let from = 0; from < count; from += chunk) {
      const numbers = Array.from({ length: Math.min(chunk, count - from) }, (_, at) => from + at);
      const replies = await Promise.all(numbers.map((at) => client.ask("EXISTS", prefix + at)));
      numbers.filter((_, at) => replies[at] === 1).forEach((number) => found.add(number));
    }
  });
  return found;
}

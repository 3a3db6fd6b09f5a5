// Brings a RESP server's keyspace into a known state, fast and untimed: sets or deletes a run of
// keys, each exactly once, with value lengths that depend on the seed alone.
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { keyOf, randomSource, respCommand, valueOf } from "./keys.ts";
import { ReplyScanner, type Tally } from "./reply-scanner.ts";

const CONNECTIONS = 8;
const BURST_COMMANDS = 128;
/** A prime above any key count used: steps by it visit every key once, in a scattered order. */
const SCATTER_PRIME = 15_485_863;

/** Which keys, and what to do with each. */
export interface FillSpec {
  readonly port: number;
  readonly command: "set" | "del";
  /** Keys number 0 to `keys` - 1, below 15 million. */
  readonly keys: number;
  /** Only keys whose number is a multiple of it: 1 for all, 5 for a fifth. */
  readonly every: number;
  /** Value lengths are drawn evenly from this range, both ends included. */
  readonly valueBytes: readonly [min: number, max: number];
  readonly seed: number;
}

/** Carries the spec out. Throws at the first error reply or lost connection. */
export async function fill(spec: FillSpec): Promise<void> {
  await sendCommands(spec.port, commandsOf(spec), spec.command === "del" ? 1 : 0);
}

/**
 * Sends ready-made commands over a few connections, pipelined, until there are no more.
 *
 * @param integerMin Lowest integer reply that is no error: 1 for DEL of keys that must exist.
 * @throws Error at the end when there was an error reply, at once for a lost connection.
 */
export async function sendCommands(
  port: number,
  commands: Generator<string>,
  integerMin = 0,
): Promise<void> {
  const tally: Tally = { errors: 0, firstError: "" };
  const scanners = Array.from({ length: CONNECTIONS }, () => {
    return new ReplyScanner(tally, { bulkBytes: -1, integerMin });
  });
  await Promise.all(scanners.map((scanner) => sendLane(port, commands, scanner)));
  if (tally.errors > 0) throw new Error(`${tally.errors} wrong replies: ${tally.firstError}`);
}

/** Sets keys number 0 to `keys` - 1 to values of one length. */
export async function preload(port: number, keys: number, valueBytes: number): Promise<void> {
  await fill({
    port,
    command: "set",
    keys,
    every: 1,
    valueBytes: [valueBytes, valueBytes],
    seed: 1,
  });
}

/** The commands of a spec, one by one. */
export function* commandsOf(spec: FillSpec): Generator<string> {
  const { keys, every, command } = spec;
  const [min, max] = spec.valueBytes;
  const random = randomSource(spec.seed);
  const count = Math.ceil(keys / every);
  for (let step = 0; step < count; step++) {
    const index = ((step * SCATTER_PRIME) % count) * every;
    const length = min + (random() % (max - min + 1));
    if (command === "del") yield respCommand("DEL", keyOf(index));
    else yield respCommand("SET", keyOf(index), valueOf(length, index));
  }
}

async function sendLane(
  port: number,
  commands: Generator<string>,
  scanner: ReplyScanner,
): Promise<void> {
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let waitingFor = 0;
  const sendNext = (): void => {
    let burst = "";
    for (; waitingFor < BURST_COMMANDS; waitingFor++) {
      const next = commands.next();
      if (next.done) break;
      burst += next.value;
    }
    if (waitingFor === 0) socket.end();
    else socket.write(burst, "latin1");
  };
  socket.on("connect", sendNext);
  socket.on("data", (bytes) => {
    waitingFor -= scanner.feed(bytes, bytes.length);
    if (waitingFor === 0) sendNext();
  });
  await once(socket, "close");
  if (waitingFor > 0) throw new Error("the server closed a connection within a pipeline");
}

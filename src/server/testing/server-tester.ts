// Runs a RespServer on a simulated clock with fake clients, database and node: the bench of the
// server's tests.
import { dataCommands } from "../../commands/table.ts";
import type { DataCommand } from "../../commands/command.ts";
import { SimWorld } from "../../platform/simulated/sim-world.ts";
import type { SessionCommand } from "../command-entry.ts";
import { sessionCommands } from "../commands/table.ts";
import { RespServer } from "../resp-server.ts";
import { defaultServerOptions, type RespServerOptions } from "../server-options.ts";
import { transactionCommands } from "../transaction.ts";
import { FakeBackend, fakeDataCommands } from "./fake-backend.ts";
import { FakeNetwork, type FakeConnection } from "./fake-network.ts";
import { FakeNode } from "./fake-node.ts";

/** Rounds of handing over and answering after which a test is taken to go in circles. */
const ROUNDS_MAX = 100_000;

/** A client of the server under test. */
export class TestClient {
  readonly connection: FakeConnection;
  readonly #tester: ServerTester;

  constructor(tester: ServerTester, connection: FakeConnection) {
    this.#tester = tester;
    this.connection = connection;
  }

  /** Sends bytes in one piece; what they lead to has happened when it returns. */
  send(bytes: string | Uint8Array): void {
    this.connection.receive(bytes);
    this.#tester.settle();
  }

  /** Sends one command as a RESP array; words hold one byte per character. */
  command(...words: readonly string[]): void {
    this.send(encodeCommand(words));
  }

  /** What came since the last call, line ends shown as spaces. */
  replies(): string {
    return this.connection.takeOutput().toString("latin1").replaceAll("\r\n", " ").trimEnd();
  }

  /** Sends an inline command and returns its reply. */
  ask(line: string): string {
    this.replies();
    this.send(`${line}\r\n`);
    return this.replies();
  }

  /** Sends a command as a RESP array and returns its reply. */
  call(...words: readonly string[]): string {
    this.replies();
    this.command(...words);
    return this.replies();
  }

  get closed(): boolean {
    return !this.connection.open;
  }
}

/** A command as clients send it; words hold one byte per character. */
export function encodeCommand(words: readonly string[]): Buffer {
  const parts = words.map((text) => `$${text.length}\r\n${text}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join("")}`, "latin1");
}

/** A server with all its commands, and everything around it in the test's hands. */
export class ServerTester {
  readonly world: SimWorld = new SimWorld(1);
  readonly network: FakeNetwork = new FakeNetwork();
  readonly backend: FakeBackend = new FakeBackend();
  readonly node: FakeNode = new FakeNode();
  readonly options: RespServerOptions;
  readonly reports: string[] = [];
  readonly server: RespServer;

  private constructor(
    options: Partial<RespServerOptions>,
    data: readonly (DataCommand | SessionCommand)[],
  ) {
    const process = this.world.host("server").start();
    this.options = { ...defaultServerOptions, ...options };
    this.server = new RespServer(
      {
        clock: process.clock,
        scheduler: process.scheduler,
        network: this.network,
        backend: this.backend,
        node: this.node,
        incarnation: 1,
        report: (level, message, facts) => {
          this.reports.push(`${level} ${message} ${JSON.stringify(facts)}`);
        },
      },
      this.options,
      [...data, ...fakeDataCommands, ...sessionCommands, ...transactionCommands],
    );
  }

  /** A server that listens. */
  static async start(options: Partial<RespServerOptions> = {}): Promise<ServerTester> {
    const tester = new ServerTester(options, dataCommands);
    await tester.server.listen("127.0.0.1", 6379);
    return tester;
  }

  connect(address?: string): TestClient {
    return new TestClient(this, this.network.dial(address));
  }

  /** Lets everything happen that needs no more time. */
  settle(): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.server.flush();
      this.world.advanceSync(0);
      let any = false;
      for (const connection of this.network.connections) any = connection.pump() || any;
      if (!any) return;
    }
    throw new Error("the server under test does not come to rest");
  }

  /** Lets time go by. */
  advance(ms: number): void {
    this.world.advanceSync(ms);
    this.settle();
  }

  /** The database answers the open operation at that place, and replies go out. */
  answer(place = 0): void {
    this.backend.answer(place);
    this.settle();
  }
}

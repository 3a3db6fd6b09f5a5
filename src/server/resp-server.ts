// The RESP port: accepts clients, holds what all sessions share, sends replies once per turn.
import { viewOf } from "../base/bytes.ts";
import { decodeOperation, type OperationBuffer } from "../commands/operation.ts";
import { CommandTable } from "../commands/table.ts";
import type { DataCommand } from "../commands/command.ts";
import { CommandDocs } from "../commands/docs.ts";
import { unknownCommand } from "../commands/errors.ts";
import type { Clock, Scheduler } from "../platform/clock.ts";
import type { Connection, ConnectionHandler, Listener, Network } from "../platform/network.ts";
import { Args } from "../resp/args.ts";
import { CommandParser, defaultLimits } from "../resp/parser.ts";
import { RespWriter } from "../resp/writer.ts";
import type { Backend } from "./backend.ts";
import { ClientPause } from "./client-pause.ts";
import { CutSessions } from "./cut-sessions.ts";
import { CommandEntry, type SessionCommand } from "./command-entry.ts";
import { LoginGuard } from "./commands/login-guard.ts";
import type { NodeView } from "./node-view.ts";
import { ReadAhead } from "./read-ahead.ts";
import { ServerCron } from "./server-cron.ts";
import type { RespServerOptions } from "./server-options.ts";
import { Session } from "./session.ts";
import { SlowLog } from "./slow-log.ts";
import { WriteRefusal } from "./write-refusal.ts";

/** Counters of one port. */
export interface ServerStats {
  connectionsReceived: number;
  connectionsRejected: number;
  inputBytes: number;
  outputBytes: number;
}

/** Longer operations count at once towards the bytes that may be open. */
const PENDING_ASKED_BYTES = 16 * 1024;

/** A connection beyond the limit: it is told so and closed, and not listened to. */
const REFUSED: ConnectionHandler = { onData() {}, onDrain() {}, onClose() {} };

/** What the server reports to the node's log. */
export type ServerReport = (
  level: "info" | "warn",
  message: string,
  facts: Readonly<Record<string, string | number>>,
) => void;

/** What a server works with. */
export interface ServerEnvironment {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly backend: Backend;
  readonly node: NodeView;
  readonly report: ServerReport;
  /** Unique to this start of this node: the high part of session identities. */
  readonly incarnation: number;
}

/** The sessions of one node and what they share: parser, arguments, reply buffer, command table. */
export class RespServer {
  readonly backend: Backend;
  readonly node: NodeView;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly options: RespServerOptions;
  readonly commands: CommandTable<CommandEntry>;
  readonly parser: CommandParser = new CommandParser(defaultLimits);
  readonly args: Args = new Args();
  readonly writer: RespWriter = new RespWriter();
  readonly readAhead: ReadAhead = new ReadAhead();
  readonly sessions: Map<number, Session> = new Map();
  readonly slowLog: SlowLog = new SlowLog();
  readonly logins: LoginGuard = new LoginGuard();
  readonly pause: ClientPause;
  readonly cron: ServerCron;
  /** Monotonic ms when the server was made. */
  readonly startedMs: number;
  readonly stats: ServerStats = {
    connectionsReceived: 0,
    connectionsRejected: 0,
    inputBytes: 0,
    outputBytes: 0,
  };
  /** Sessions whose burst was cut. */
  readonly cutSessions: CutSessions;
  /**
   * Work of the present burst in about microseconds: an argument counts as one, and commands that
   * are timed add what they took.
   */
  work = 0;
  /** Whether reads may run in the present burst. */
  readableNow = false;
  /** Whether another node may lead, so that clients may be redirected, in the present burst. */
  redirectsNow = false;
  readonly writeRefusal: WriteRefusal;
  readonly #environment: ServerEnvironment;
  readonly #listeners: Listener[] = [];
  /** Whose replies are in the writer. */
  #writing: Session | null = null;
  /** Sessions with gathered replies, and those that may go on reading. */
  readonly #dirty: Session[] = [];
  readonly #resumable = new Set<Session>();
  #flushWanted = false;
  #nextSessionId = 1;
  #commandDocs: CommandDocs | null = null;
  #flushing = false;

  constructor(
    environment: ServerEnvironment,
    options: RespServerOptions,
    commands: readonly (DataCommand | SessionCommand)[],
  ) {
    this.#environment = environment;
    this.backend = environment.backend;
    this.node = environment.node;
    this.scheduler = environment.scheduler;
    this.clock = environment.clock;
    this.options = options;
    this.commands = new CommandTable(commands.map((command) => new CommandEntry(command)));
    this.writeRefusal = new WriteRefusal(this.backend);
    this.pause = new ClientPause(this);
    this.cron = new ServerCron(this);
    this.cutSessions = new CutSessions(this.scheduler);
    this.startedMs = this.clock.monotonicMs();
  }

  /** Unix ms, for what users see. */
  nowMs(): number {
    return this.clock.wallMs();
  }

  /**
   * Opens a port; resolves to the port in use.
   *
   * @param forClusters Its clients follow redirects, whether or not they asked for the topology.
   */
  async listen(host: string, port: number, forClusters = false): Promise<number> {
    const accept = (connection: Connection): ConnectionHandler =>
      this.#accept(connection, forClusters);
    const listener = await this.#environment.network.listen(host, port, accept);
    this.#listeners.push(listener);
    this.cron.start();
    return listener.port;
  }

  /** Takes no more connections; those there are go on. */
  async stopListening(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  /** Stops accepting and closes all sessions after sending what they have. */
  async close(): Promise<void> {
    this.cron.stop();
    await this.stopListening();
    for (const session of [...this.sessions.values()]) session.connection.end();
  }

  #accept(connection: Connection, forClusters: boolean): ConnectionHandler {
    this.stats.connectionsReceived++;
    if (this.sessions.size >= this.options.clientsMax) {
      this.stats.connectionsRejected++;
      connection.write(Buffer.from("-ERR max number of clients reached\r\n"));
      connection.end();
      return REFUSED;
    }
    const id = this.#nextSessionId++;
    const identity = this.#environment.incarnation * 2 ** 21 + (id % 2 ** 21);
    const session = new Session(this, connection, id, identity);
    session.state.authenticated = this.options.password === "";
    session.state.onClusterPort = forClusters;
    session.state.createdMs = this.clock.monotonicMs();
    session.state.lastInteractionMs = session.state.createdMs;
    this.sessions.set(id, session);
    this.pause.onAccepted(session);
    return session;
  }

  onSessionClosed(session: Session): void {
    this.sessions.delete(session.id);
    this.pause.onClosed(session);
    if (this.#writing === session) {
      this.writer.take();
      this.#writing = null;
    }
  }

  // ---- bursts

  /** Input of a session is about to run. */
  startBurst(session: Session): void {
    this.work = 0;
    this.readableNow = this.backend.readable();
    this.redirectsNow = !this.readableNow && this.node.role() !== "leader";
    this.writeRefusal.reset();
    this.writeFor(session);
  }

  /**
   * Too many bytes of operations are open. They are added up for every 32nd operation of a session,
   * and for long ones: for each it would cost a percent.
   */
  isFull(sequence: number, args: Args): boolean {
    if ((sequence & 31) !== 0 && args.span <= PENDING_ASKED_BYTES) return false;
    return this.backend.pendingBytes > this.options.pendingBytesMax;
  }

  /** Input of a session has run: send its replies and those gathered beside. */
  finishBurst(session: Session): void {
    this.readAhead.forget();
    this.flush();
    session.output.endWhenDone();
  }

  /** The writer's bytes from now on are for this session. */
  writeFor(session: Session): void {
    const writer = this.writer;
    if (this.#writing !== session) {
      this.#gather();
      this.#writing = session;
    }
    writer.protocol = session.protocol;
  }

  /** Sets what a session has written so far apart from what it writes next. */
  cut(session: Session): void {
    this.#gather();
    this.writeFor(session);
  }

  /** Adds to what a session has written so far what is too long to be copied. */
  sendApart(session: Session, pieces: readonly Buffer[]): void {
    this.cut(session);
    for (const piece of pieces) if (session.output.gather(piece)) this.#dirty.push(session);
  }

  /** Sends all gathered replies, one write per session, then lets waiting sessions go on. */
  flush(): void {
    this.#gather();
    const dirty = this.#dirty;
    for (let i = 0; i < dirty.length; i++) dirty[i]!.output.send();
    dirty.length = 0;
    if (this.#resumable.size > 0 && !this.#flushing) this.#resumeSessions();
  }

  #gather(): void {
    const session = this.#writing;
    if (session === null) return;
    this.#writing = null;
    if (this.writer.length === 0) return;
    if (session.output.gather(this.writer.take())) this.#dirty.push(session);
  }

  /** The session may go on with its input once the present replies are out. */
  resumeSoon(session: Session): void {
    this.#resumable.add(session);
  }

  /** Replies were written outside of a burst or a turn of the replicas: sends them soon. */
  wantFlush(): void {
    if (this.#flushWanted) return;
    this.#flushWanted = true;
    this.scheduler.soon(() => {
      this.#flushWanted = false;
      this.flush();
    });
  }

  #resumeSessions(): void {
    this.#flushing = true;
    const sessions = [...this.#resumable];
    this.#resumable.clear();
    for (const session of sessions) session.resume();
    this.#flushing = false;
    if (this.#resumable.size > 0) this.wantFlush();
  }

  // ---- commands

  /** Commands run since start or the last reset of statistics. */
  commandsProcessed(): number {
    let calls = 0;
    for (const entry of this.commands.all) calls += entry.calls;
    return calls;
  }

  /** What COMMAND tells of all commands; made when it is first asked for. */
  commandDocs(): CommandDocs {
    this.#commandDocs ??= new CommandDocs(this.commands.all.map(({ description }) => description));
    return this.#commandDocs;
  }

  /** Sets the counters behind INFO to zero, here and in the node. */
  resetStats(): void {
    const { stats, writer } = this;
    stats.connectionsReceived = 0;
    stats.connectionsRejected = 0;
    stats.inputBytes = 0;
    stats.outputBytes = 0;
    writer.errors = 0;
    writer.errorsByCode.clear();
    for (const entry of this.commands.all) entry.resetStats();
    this.node.resetStats();
  }

  /** Changes the password. Who has logged in stays so; without a password everyone is logged in. */
  setPassword(password: string): void {
    this.options.password = password;
    if (password !== "") return;
    for (const session of this.sessions.values()) session.state.authenticated = true;
  }

  /** The subcommand that the first argument of a container command names. */
  findSubcommand(container: CommandEntry, args: Args): CommandEntry | undefined {
    return this.commands.lookupSubcommand(
      container.name,
      args.bytes,
      args.offset(1),
      args.length(1),
    );
  }

  /** Points arguments at a command that a transaction queued, its name first, as it came. */
  decodeQueued(queued: OperationBuffer, at: number, name: string, args: Args): void {
    decodeOperation(queued.bytes, queued.view, at, args);
    const size = queued.view.getUint32(at, true);
    const bytes = Buffer.concat([Buffer.from(name), queued.bytes.subarray(at, at + size)]);
    for (let i = 1; i < args.count; i++) args.offsets[i]! += name.length - at;
    args.offsets[0] = 0;
    args.lengths[0] = name.length;
    args.setMemory(bytes, viewOf(bytes));
  }

  /** Answers a name that is no command, in Redis's words. */
  failUnknown(session: Session, args: Args): void {
    if (session.state.transaction !== null) session.state.transaction.failed = true;
    if (args.is(0, "POST") || args.is(0, "HOST:")) {
      this.reportProtocolError(session, "cross-protocol request");
      session.destroy();
      return;
    }
    session.replyError(unknownCommand(args));
  }

  reportProtocolError(session: Session, error: string): void {
    this.#environment.report("warn", "protocol error from client", {
      client: session.connection.remote,
      error,
    });
  }

  /** A command that was answered before it was finished has failed. */
  reportFailure(command: string, cause: unknown): void {
    const error = cause instanceof Error ? cause.message : String(cause);
    this.#environment.report("warn", "command failed after its reply", { command, error });
  }

  reportClosed(session: Session, reason: string): void {
    this.#environment.report("warn", "client closed", {
      client: session.connection.remote,
      reason,
    });
  }
}

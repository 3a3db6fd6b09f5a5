// One client connection: finds commands in its input, runs or submits them, sends replies in order.
import type { DataCommand } from "../commands/command.ts";
import type { Connection, ConnectionHandler } from "../platform/network.ts";
import type { ReplyTarget } from "../replica/reply-target.ts";
import type { Args } from "../resp/args.ts";
import { CommandParser, INCOMPLETE, unauthenticatedLimits } from "../resp/parser.ts";
import type { Reply } from "../resp/reply.ts";
import { admit } from "./admission.ts";
import type { CommandEntry } from "./command-entry.ts";
import type { RespServer } from "./resp-server.ts";
import { InputHolds } from "./input-holds.ts";
import { isLong, submitLong } from "./long-read.ts";
import { PendingInput } from "./pending-input.ts";
import { ReplyOrder } from "./reply-order.ts";
import { SessionOutput } from "./session-output.ts";
import { SessionState } from "./session-state.ts";
import { noteTime, runTimed, runTimedSession } from "./timing.ts";
import { queueInTransaction } from "./transaction.ts";

/** Arguments of reads of one session that may wait for the log: all of them run in one turn. */
const OPEN_READ_ARGUMENTS_MAX = 16_384;
/** Reply bytes after which a burst of commands is cut and goes on in a later turn. */
const BURST_REPLY_BYTES_MAX = 1024 * 1024;
/** The same for its work, in the units of `RespServer.work`: some milliseconds. */
const BURST_WORK_MAX = 4096;

/** A client session; also the target of the replies of its own operations. */
export class Session implements ConnectionHandler, ReplyTarget {
  readonly server: RespServer;
  readonly connection: Connection;
  readonly id: number;
  /** Identity for retried writes: unique over nodes and restarts. */
  readonly sessionId: number;
  readonly state: SessionState = new SessionState();
  readonly holds: InputHolds;
  readonly output: SessionOutput;
  protocol = 2;
  /** The command that came last, for CLIENT LIST. */
  lastEntry: CommandEntry | null = null;
  /** It ends when all is answered and sent, and takes no more input. */
  ends = false;
  readonly #order = new ReplyOrder();
  /** Input that waits: an unfinished command, or commands behind a pause. */
  #input: PendingInput | null = null;
  #closed = false;
  /** Arguments of the reads submitted since nothing was open. */
  #openReadArguments = 0;

  constructor(server: RespServer, connection: Connection, id: number, sessionId: number) {
    this.server = server;
    this.connection = connection;
    this.id = id;
    this.sessionId = sessionId;
    this.holds = new InputHolds(connection);
    this.output = new SessionOutput(this);
  }

  /** For the server's files that submit operations in ways of their own. */
  get order(): ReplyOrder {
    return this.#order;
  }

  get acknowledged(): number {
    return this.#order.answered;
  }

  get openOperations(): number {
    return this.#order.open;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes of input that wait in this session. */
  get queryBufferBytes(): number {
    return this.#input?.length ?? 0;
  }

  onData(bytes: Uint8Array, view: DataView, length: number): void {
    if (this.#closed || this.ends) return;
    this.state.lastInteractionMs = this.server.clock.monotonicMs();
    this.server.stats.inputBytes += length;
    if (this.#input === null) {
      // What was in flight when the session was paused may still come once.
      if (this.holds.paused) this.#input = new PendingInput(bytes, 0, length);
      else this.#consume(bytes, view, 0, length);
    } else {
      if (!this.#input.append(bytes, length, this.server.options.queryBufferBytesMax)) {
        this.server.reportClosed(this, "query buffer limit");
        this.destroy();
        return;
      }
      if (!this.holds.paused) this.#consumeInput();
      // A socket that is not paused may be read many times in one turn of the loop.
      if (this.#input?.mayRest(length)) this.server.cutSessions.add(this);
    }
  }

  onDrain(): void {
    if (!this.holds.awaitsDrain) return;
    this.holds.awaitsDrain = false;
    this.resume();
  }

  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#input = null;
    this.server.onSessionClosed(this);
  }

  /** Closes at once. Open operations go on; nobody hears of them. */
  destroy(): void {
    this.connection.destroy();
    this.onClose();
  }

  // ---- what commands change

  /** The client has proved to be this user. */
  logIn(user: string): void {
    this.state.authenticated = true;
    this.state.user = user;
    this.#limitParser();
  }

  /** As it was when the client connected. */
  logOut(): void {
    this.state.authenticated = this.server.options.password === "";
    this.state.user = "default";
    this.#limitParser();
  }

  /** Takes effect with the reply that is being written; only from a barrier command. */
  setProtocol(protocol: number): void {
    this.protocol = protocol;
    this.server.writer.protocol = protocol;
  }

  /** `CLIENT REPLY`; only from a barrier command. What was written before keeps the mode before. */
  setReplies(mode: "on" | "off" | "skip"): void {
    this.server.cut(this);
    if (mode === "skip") {
      if (!this.state.repliesOff) this.#order.skipNext();
      return;
    }
    this.state.repliesOff = mode === "off";
    this.#order.skipNone();
  }

  /** Runs no more commands until {@link release}; the one that runs now is finished. */
  hold(): void {
    this.holds.held = true;
    this.holds.pause();
  }

  /** Ends {@link hold} with the server's next flush. */
  release(): void {
    this.holds.held = false;
    this.server.resumeSoon(this);
  }

  /** Sets the limits of the parser that reads this session's input now. */
  #limitParser(): void {
    const parser = this.#input?.parser ?? this.server.parser;
    parser.limits = this.state.authenticated ? this.server.options.limits : unauthenticatedLimits;
  }

  // ---- input

  /** Runs the commands in `bytes[at, end)`, which is the shared read buffer. */
  #consume(bytes: Uint8Array, view: DataView, from: number, end: number): void {
    const server = this.server;
    const parser = server.parser;
    this.#limitParser();
    const at = this.#run(parser, bytes, view, from, end, server.args);
    if (at < end && !this.#closed) {
      parser.reset();
      this.#input = new PendingInput(bytes, at, end);
    }
    server.finishBurst(this);
  }

  /** Runs the commands in the session's own input buffer. */
  #consumeInput(): void {
    const input = this.#input;
    if (input === null || this.#closed) return;
    const parser = input.parser;
    this.#limitParser();
    if (input.length < input.neededBytes) return;
    parser.neededBytes = 0;
    const at = this.#run(parser, input.bytes, input.view, 0, input.length, input.args);
    if (at >= input.length) this.#input = null;
    else input.settle(at);
    this.server.finishBurst(this);
  }

  /** Runs commands until the input ends or the session must wait; returns where the rest starts. */
  #run(
    parser: CommandParser,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    end: number,
    args: Args,
  ): number {
    const server = this.server;
    server.startBurst(this);
    const ahead = server.readAhead;
    let at = from;
    while (at < end) {
      args.setMemory(bytes, view);
      const next = parser.parse(bytes, at, end, args);
      if (next < 0) {
        if (next === INCOMPLETE) return at;
        this.#failProtocol(parser.error);
        return end;
      }
      if (args.count > 0) {
        if (!this.#execute(args)) return at;
        if (this.ends || this.#closed) return end;
      }
      at = next;
      if (this.holds.paused) return at;
      if (ahead.left > 0) ahead.advance();
      else if (ahead.wanted) ahead.look(server.backend, this.state.database, bytes, view, at, end);
      server.work += args.count;
      if (server.work > BURST_WORK_MAX || server.writer.length > BURST_REPLY_BYTES_MAX) {
        server.finishBurst(this);
        // Without input left too: the socket may have more, and would be read in this very turn.
        server.cutSessions.add(this);
        return at;
      }
    }
    return at;
  }

  #failProtocol(error: string): void {
    this.server.reportProtocolError(this, error);
    this.replyError(`ERR ${error}`);
    this.ends = true;
  }

  /** Runs or submits one command; false when it must be seen again later. */
  #execute(args: Args): boolean {
    const entry = admit(this, args);
    if (entry === null) return true;
    if (entry === undefined) return false;
    if (this.state.transaction !== null && queueInTransaction(this, entry, args)) return true;
    if (entry.data === null) return this.#executeSession(entry, args);
    if (entry.mayBeLong && isLong(this, entry, args)) return submitLong(this, entry, args);
    this.#executeData(entry, args);
    return true;
  }

  #executeData(entry: CommandEntry, args: Args): void {
    const server = this.server;
    const command = entry.data!;
    entry.calls++;
    const order = this.#order;
    if (!entry.isWrite && server.readableNow && order.plain) {
      order.issued++;
      order.answered++;
      server.readAhead.wanted = true;
      const context = server.backend.readContext(this.state.database);
      if (entry.isFast) command.apply(context, args, server.writer);
      else runTimed(this, entry, context, args);
      return;
    }
    if (entry.isWrite) {
      const refusal = server.writeRefusal.of(entry.deniesOutOfMemory);
      if (refusal !== null) {
        entry.rejectedCalls++;
        this.replyError(refusal);
        return;
      }
    }
    this.submit(entry, command, args);
  }

  /** Hands a data command to the database; its reply comes later, in order. */
  submit(entry: CommandEntry, command: DataCommand, args: Args): void {
    const order = this.#order;
    const sequence = order.issued++;
    const { backend } = this.server;
    backend.submit(command, entry.isWrite, this.state.database, args, this, sequence);
    if (order.open === 1) this.#openReadArguments = 0;
    if (!entry.isWrite) this.#noteOpenRead(args.count);
    const isMuch = order.open >= backend.openMax;
    if (isMuch || this.server.isFull(sequence, args)) this.holds.pause();
  }

  /** After too many reads that wait, the session waits until all of them are answered. */
  #noteOpenRead(argumentCount: number): void {
    this.#openReadArguments += argumentCount;
    if (this.#openReadArguments < OPEN_READ_ARGUMENTS_MAX) return;
    this.holds.awaitsReplies = true;
    this.holds.pause();
  }

  /** Sequence of the command that runs now. */
  get lastSequence(): number {
    return this.#order.issued - 1;
  }

  #executeSession(entry: CommandEntry, args: Args): boolean {
    const command = entry.session!;
    if (entry.isBarrier && this.#order.open > 0) {
      this.holds.awaitsReplies = true;
      this.holds.pause();
      return false;
    }
    entry.calls++;
    const sequence = this.#order.issued++;
    const reply = this.openReply(sequence);
    const { writer } = this.server;
    const errorsBefore = writer.errors;
    if (entry.isFast) command.run(this, args, reply);
    else runTimedSession(this, entry, args, reply);
    if (writer.errors !== errorsBefore) entry.failedCalls++;
    if (this.#closed) return true;
    if (this.holds.deferred) return true;
    this.closeReply(sequence);
    return true;
  }

  /** Answers the present command with an error, in its turn. */
  replyError(error: string): void {
    const sequence = this.#order.issued++;
    this.openReply(sequence).error(error);
    this.closeReply(sequence);
  }

  /** Answers the present command with text such as `+QUEUED`, in its turn. */
  replySimple(text: string): void {
    const sequence = this.#order.issued++;
    this.openReply(sequence).simple(text);
    this.closeReply(sequence);
  }

  // ---- flow control

  /** Its burst was cut: now it is its turn again. */
  continue(): void {
    this.holds.continues = false;
    this.#resume(this.server.backend.openMax - 1);
  }

  /** Goes on with the input when nothing holds it any more. */
  resume(): void {
    this.#resume(this.server.backend.openMax / 2);
  }

  #resume(openMax: number): void {
    if (!this.holds.paused || this.#closed) return;
    if (!this.holds.over(this.#order.open, openMax)) return;
    this.holds.paused = false;
    this.holds.awaitsReplies = false;
    if (this.#input !== null) this.#consumeInput();
    if (!this.holds.paused && !this.#closed) this.connection.resume();
  }

  // ---- replies

  openReply(sequence: number): Reply {
    const server = this.server;
    server.writeFor(this);
    this.#order.begin(sequence, server.writer);
    return server.writer;
  }

  closeReply(sequence: number): void {
    const isInTurn = this.#order.end(sequence, this.server.writer);
    if (isInTurn && this.holds.paused && !this.holds.continues) this.server.resumeSoon(this);
  }

  failReply(sequence: number, error: string): void {
    this.openReply(sequence).error(error);
    this.closeReply(sequence);
  }

  longReply(sequence: number, pieces: readonly Buffer[]): void {
    this.openReply(sequence);
    if (this.#order.isPlainNext(sequence)) this.server.sendApart(this, pieces);
    else for (const piece of pieces) this.server.writer.raw(piece);
    this.closeReply(sequence);
  }

  ran(command: DataCommand, usec: number, args: Args): void {
    const entry = this.server.commands.byName(command.name);
    if (entry !== undefined) noteTime(this, entry, usec, args);
  }

  rawReply(sequence: number, bytes: Uint8Array): void {
    this.openReply(sequence);
    this.server.writer.raw(bytes);
    this.closeReply(sequence);
  }
}

// One client connection: finds commands in its input, runs or submits them, sends replies in order.
import { invariant } from "../base/invariant.ts";
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
import { PendingInput } from "./pending-input.ts";
import { ReplyOrder } from "./reply-order.ts";
import { SessionOutput } from "./session-output.ts";
import { SessionState } from "./session-state.ts";
import { queueInTransaction } from "./transaction.ts";

/** Reply bytes after which a burst of commands is cut and goes on in a later turn. */
const BURST_REPLY_BYTES_MAX = 1024 * 1024;
/** Bytes in the socket's outgoing buffer above which a session's input is paused. */
const UNSENT_BYTES_PAUSE = 1024 * 1024;

/** A client session; also the target of the replies of its own operations. */
export class Session implements ConnectionHandler, ReplyTarget {
  readonly server: RespServer;
  readonly connection: Connection;
  readonly id: number;
  /** Identity for retried writes: unique over nodes and restarts. */
  readonly sessionId: number;
  readonly state: SessionState = new SessionState();
  protocol = 2;
  /** The command that came last, for CLIENT LIST. */
  lastEntry: CommandEntry | null = null;
  readonly #order = new ReplyOrder();
  /** Input that waits: an unfinished command, or commands behind a pause. */
  #input: PendingInput | null = null;
  readonly #holds = new InputHolds();
  #closed = false;
  #closeAfterReply = false;
  readonly #output = new SessionOutput();

  constructor(server: RespServer, connection: Connection, id: number, sessionId: number) {
    this.server = server;
    this.connection = connection;
    this.id = id;
    this.sessionId = sessionId;
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
    if (this.#closed || this.#closeAfterReply) return;
    this.state.lastInteractionMs = this.server.clock.monotonicMs();
    this.server.stats.inputBytes += length;
    if (this.#input === null) {
      // What was in flight when the session was paused may still come once.
      if (this.#holds.paused) this.#input = new PendingInput(bytes, 0, length);
      else this.#consume(bytes, view, 0, length);
    } else {
      if (!this.#input.append(bytes, length, this.server.options.queryBufferBytesMax)) {
        this.server.reportClosed(this, "query buffer limit");
        this.destroy();
        return;
      }
      if (!this.#holds.paused) this.#consumeInput();
    }
  }

  onDrain(): void {
    if (!this.#holds.awaitsDrain) return;
    this.#holds.awaitsDrain = false;
    this.#maybeResume();
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

  /** Closes when the reply that is being written has been sent. */
  closeAfterReply(): void {
    this.#closeAfterReply = true;
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
    this.#holds.held = true;
    this.#pause();
  }

  /** Ends {@link hold} with the server's next flush. */
  release(): void {
    this.#holds.held = false;
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
        if (this.#closeAfterReply) return end;
        if (this.#closed) return end;
      }
      at = next;
      if (this.#holds.paused) return at;
      if (server.writer.length > BURST_REPLY_BYTES_MAX) {
        server.finishBurst(this);
        if (at < end) this.#continueLater();
        return at;
      }
    }
    return at;
  }

  #failProtocol(error: string): void {
    this.server.reportProtocolError(this, error);
    this.replyError(`ERR ${error}`);
    this.#closeAfterReply = true;
  }

  /** Runs or submits one command; false when it must be seen again later. */
  #execute(args: Args): boolean {
    const entry = admit(this, args);
    if (entry === null) return true;
    if (entry === undefined) return false;
    if (this.state.transaction !== null && queueInTransaction(this, entry, args)) return true;
    if (entry.data === null) return this.#executeSession(entry, args);
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
      const context = server.backend.readContext(this.state.database);
      if (entry.isFast) command.apply(context, args, server.writer);
      else server.runTimed(this, entry, context, args);
      return;
    }
    if (entry.isWrite) {
      const refusal = server.backend.writeRefusal(entry.deniesOutOfMemory);
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
    const { backend, options } = this.server;
    backend.submit(command, entry.isWrite, this.state.database, args, this, sequence);
    const isMuch = order.open >= backend.openMax;
    if (isMuch || backend.pendingBytes > options.pendingBytesMax) this.#pause();
  }

  /**
   * Runs a read at once where that is allowed, or submits: for commands that are built, not parsed.
   */
  runData(command: DataCommand, isWrite: boolean, database: number, args: Args): void {
    const server = this.server;
    const order = this.#order;
    const readsNow = !isWrite && server.readableNow && order.plain;
    const sequence = order.issued++;
    if (readsNow) {
      order.answered++;
      command.apply(server.backend.readContext(database), args, server.writer);
      return;
    }
    server.backend.submit(command, isWrite, database, args, this, sequence);
  }

  /** Sequence of the command that runs now. */
  get lastSequence(): number {
    return this.#order.issued - 1;
  }

  #executeSession(entry: CommandEntry, args: Args): boolean {
    const command = entry.session!;
    if (entry.isBarrier && this.#order.open > 0) {
      this.#holds.awaitsReplies = true;
      this.#pause();
      return false;
    }
    entry.calls++;
    const sequence = this.#order.issued++;
    const reply = this.openReply(sequence);
    const { writer } = this.server;
    const errorsBefore = writer.errors;
    if (entry.isFast) command.run(this, args, reply);
    else this.server.runTimedSession(this, entry, args, reply);
    if (writer.errors !== errorsBefore) entry.failedCalls++;
    if (this.#closed) return true;
    if (this.#holds.deferred) return true;
    this.closeReply(sequence);
    return true;
  }

  /**
   * A reply to the present command that is an error; counted as one in a transaction being queued.
   */
  refuse(error: string): void {
    if (this.state.transaction !== null) this.state.transaction.failed = true;
    this.replyError(error);
  }

  /** An EXEC that is refused ends the transaction, as in Redis. */
  abortTransaction(error: string): void {
    this.state.transaction = null;
    this.state.watched = [];
    const why = error.replace(/^ERR /, "");
    this.replyError(`EXECABORT Transaction discarded because of: ${why}`);
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

  /**
   * For a session command that cannot answer at once: input is held until the returned function is
   * called, with what writes the reply.
   */
  defer(): (write: (reply: Reply) => void) => void {
    invariant(!this.#holds.deferred, "one deferred reply at a time");
    this.#holds.deferred = true;
    this.#pause();
    const sequence = this.#order.issued - 1;
    return (write) => {
      this.#holds.deferred = false;
      if (this.#closed) return;
      write(this.openReply(sequence));
      this.closeReply(sequence);
      // Never at once: this may be the middle of applying a batch. The input goes on with the next
      // flush.
      this.server.resumeSoon(this);
      this.server.wantFlush();
    };
  }

  // ---- flow control

  #pause(): void {
    if (this.#holds.paused) return;
    this.#holds.paused = true;
    this.connection.pause();
  }

  #continueLater(): void {
    this.#holds.continues = true;
    this.#pause();
    this.server.scheduler.soon(() => {
      this.#holds.continues = false;
      this.#maybeResume();
    });
  }

  /** Goes on with the input when nothing holds it any more. */
  #maybeResume(): void {
    if (!this.#holds.paused || this.#closed) return;
    if (!this.#holds.over(this.#order.open, this.server.backend.openMax / 2)) return;
    this.#holds.paused = false;
    this.#holds.awaitsReplies = false;
    if (this.#input !== null) this.#consumeInput();
    if (!this.#holds.paused && !this.#closed) this.connection.resume();
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
    if (isInTurn && this.#holds.paused && !this.#holds.continues) this.server.resumeSoon(this);
  }

  failReply(sequence: number, error: string): void {
    this.openReply(sequence).error(error);
    this.closeReply(sequence);
  }

  rawReply(sequence: number, bytes: Uint8Array): void {
    this.openReply(sequence);
    this.server.writer.raw(bytes);
    this.closeReply(sequence);
  }

  /** Called by the server when it has gathered the replies of the burst. */
  resume(): void {
    this.#maybeResume();
  }

  /** Takes bytes to send; true when these are the first of the turn. */
  gather(bytes: Buffer): boolean {
    if (this.#closed) return false;
    const muted = this.state.repliesOff;
    // A session that ends has its last `send`, with replies or without.
    if (muted && !this.#closeAfterReply) return false;
    return this.#output.gather(bytes, muted);
  }

  /** Sends what was gathered in one write. */
  send(): void {
    const bytes = this.#output.take();
    if (bytes === null || this.#closed) return;
    this.server.stats.outputBytes += bytes.length;
    const connection = this.connection;
    const flowing = connection.write(bytes);
    if (this.#closeAfterReply && this.#order.open === 0) {
      connection.end();
      return;
    }
    if (!flowing) this.#onSlowReader();
  }

  /** Ends a session that is to end and has sent all; its last reply may have been a silent one. */
  endWhenDone(): void {
    if (this.#closeAfterReply && this.#order.open === 0) this.connection.end();
  }

  #onSlowReader(): void {
    if (!this.state.authenticated) {
      // CVE-2025-21605: who does not read refusals gets no memory for more of them.
      this.server.reportClosed(this, "output buffer limit before login");
      this.destroy();
      return;
    }
    if (this.connection.bufferedBytes <= UNSENT_BYTES_PAUSE) return;
    if (this.connection.bufferedBytes > this.server.options.outputBufferBytesMax) {
      this.server.reportClosed(this, "output buffer limit");
      this.destroy();
      return;
    }
    this.#holds.awaitsDrain = true;
    this.#pause();
  }
}

// A database for tests of sessions: it answers when the test says so, in the order the test says.
import { invariant } from "../../base/invariant.ts";
import { viewOf } from "../../base/bytes.ts";
import type { CommandContext, DataCommand } from "../../commands/command.ts";
import type { KeyPrefetch } from "../../keyspace/keyspace.ts";
import type { ReplyTarget } from "../../replica/reply-target.ts";
import { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { Backend } from "../backend.ts";

/** An operation that waits for its answer. */
export interface OpenOperation {
  readonly name: string;
  readonly database: number;
  readonly isWrite: boolean;
  readonly words: readonly string[];
  readonly target: ReplyTarget;
  /** Writes the reply the command gives. */
  answer(): void;
  fail(error: string): void;
}

/** Implements {@link Backend} without any data. */
export class FakeBackend implements Backend {
  /** Reads run at once. */
  leads = true;
  pendingBytes = 0;
  openMax = 16_384;
  refusal: string | null = null;
  readonly open: OpenOperation[] = [];

  readable(): boolean {
    return this.leads;
  }

  /** Hints change nothing. */
  readonly prefetch: KeyPrefetch = {
    place: 0,
    expect() {},
    expectNothing() {},
    load() {},
    forget() {},
  };

  readContext(database: number): CommandContext {
    return {
      get keyspace(): never {
        throw new Error("the commands of these tests have no data");
      },
      database,
      nowMs: 0,
      index: 0,
      position: 0,
      hits: 0,
      misses: 0,
      random32: () => 4,
    };
  }

  submit(
    command: DataCommand,
    isWrite: boolean,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void {
    const words = wordsOf(args);
    this.open.push({
      name: command.name,
      database,
      isWrite,
      words,
      target,
      answer: () => {
        const reply = target.openReply(sequence);
        command.apply(this.readContext(database), argsOf(words), reply);
        target.closeReply(sequence);
      },
      fail: (error) => target.failReply(sequence, error),
    });
  }

  isLong(command: DataCommand, _database: number, args: Args): boolean {
    return command.long?.isLong(args, 0) ?? false;
  }

  submitLong(
    command: DataCommand,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void {
    const words = wordsOf(args);
    this.open.push({
      name: `long ${command.name}`,
      database,
      isWrite: false,
      words,
      target,
      answer: () => {
        const element = Buffer.from(`$${words[1]!.length}\r\n${words[1]!}\r\n`);
        target.longReply?.(sequence, [Buffer.from("*3\r\n"), element, element, element]);
      },
      fail: (error) => target.failReply(sequence, error),
    });
  }

  writeRefusal(_growsMemory: boolean): string | null {
    return this.refusal;
  }

  /** Takes the open operation at that place and answers it. */
  answer(place = 0): void {
    const [operation] = this.open.splice(place, 1);
    invariant(operation !== undefined, "an operation to answer is open");
    operation.answer();
  }

  answerAll(): void {
    while (this.open.length > 0) this.answer();
  }
}

function wordsOf(args: Args): string[] {
  return Array.from({ length: args.count }, (_, index) =>
    Buffer.from(args.look(index)).toString("latin1"),
  );
}

/** Arguments from words of one byte per character. */
export function argsOf(words: readonly string[]): Args {
  const bytes = Buffer.from(words.join(""), "latin1");
  const args = new Args(words.length + 1);
  args.setMemory(bytes, viewOf(bytes));
  args.count = words.length;
  let at = 0;
  words.forEach((text, index) => {
    args.offsets[index] = at;
    args.lengths[index] = text.length;
    at += text.length;
  });
  return args;
}

function plain(name: string, flags: DataCommand["flags"], id: number): DataCommand {
  return {
    id,
    name,
    arity: 2,
    flags,
    keys: { first: 1, last: 1, step: 1 },
    group: "string",
    summary: "For tests.",
    syntax: "key",
    since: "1.0.0",
    complexity: "O(1)",
    apply: (_context, args: Args, reply: Reply) => {
      reply.bulk(args.bytes, args.view, args.offset(1), args.length(1));
    },
  };
}

/**
 * Data commands of the tests: all say what they were told, `put` as a write, `see` as a read, and
 * `muse` as a long read, three times, unless it is told `short`.
 */
export const fakeDataCommands: readonly DataCommand[] = [
  plain("put", ["write", "denyoom", "fast"], 60_001),
  plain("see", ["readonly", "fast"], 60_002),
  {
    ...plain("muse", ["readonly", "fast"], 60_004),
    long: {
      isLong: (args) => !args.is(1, "SHORT"),
      begin: () => {
        throw new Error("the long reads of these tests are answered by hand");
      },
    },
  },
  {
    ...plain("slowsee", ["readonly"], 60_003),
    apply: (_context, args, reply) => {
      if (args.is(1, "BAD")) reply.error("WRONGTYPE not that");
      else reply.bulk(args.bytes, args.view, args.offset(1), args.length(1));
    },
  },
];

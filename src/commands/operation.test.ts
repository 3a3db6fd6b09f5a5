// Operations of log entries: golden bytes, round trips, damage.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { DbError } from "../base/errors.ts";
import { Args } from "../resp/args.ts";
import {
  decodeOperation,
  encodeOperation,
  encodeWithOrigin,
  OPERATION_ORIGIN,
  OPERATION_RESP3,
  OperationBuffer,
  type OperationOrigin,
  operationCommandId,
  operationDatabase,
  operationFlags,
  readOrigin,
} from "./operation.ts";
import { argsOf, type Word } from "./testing/command-tester.ts";

const ORIGIN: OperationOrigin = {
  session: 0x1_0000_0002,
  sequence: 7,
  acknowledged: 5,
  protocol: 3,
};

function encode(command: number, database: number, given: readonly Word[]): Uint8Array {
  const buffer = new OperationBuffer();
  encodeOperation(buffer, command, database, 0, argsOf(given));
  return Uint8Array.from(buffer.bytes.subarray(0, buffer.length));
}

function encodeFrom(words: readonly Word[], origin: OperationOrigin | null): Uint8Array {
  const plain = encode(2, 3, words);
  const buffer = new OperationBuffer();
  encodeWithOrigin(buffer, plain, viewOf(plain), 0, plain.length, origin);
  return Uint8Array.from(buffer.bytes.subarray(0, buffer.length));
}

/** Hexadecimal digits in groups, as they come out of a buffer. */
function hex(groups: string): string {
  return groups.replaceAll(" ", "");
}

function textsOf(args: Args): string[] {
  return Array.from({ length: args.count - 1 }, (_, place) => args.text(place + 1));
}

describe("operations in log entries", () => {
  // These bytes lie on disks: a change here is a new format. Drawn in
  // docs/internals/entry-format.md.
  test("SET a xyz in database 3 has these bytes", () => {
    const bytes = encode(2, 3, ["a", "xyz"]);
    expect(Buffer.from(bytes).toString("hex")).toBe(
      hex("18000000 0200 03 00 02000000 01000000 61 03000000 78797a"),
    );
  });

  test("with its origin it has these bytes", () => {
    const bytes = encodeFrom(["a", "xyz"], ORIGIN);
    expect(Buffer.from(bytes).toString("hex")).toBe(
      hex(
        "30000000 0200 03 03 000020000000f041 0000000000001c40 0000000000001440 " +
          "02000000 01000000 61 03000000 78797a",
      ),
    );
  });

  test("reads back command, database, flags, origin and arguments", () => {
    const bytes = encodeFrom(["a", "xyz"], ORIGIN);
    const view = viewOf(bytes);
    const args = new Args(1);
    expect(decodeOperation(bytes, view, 0, args)).toBe(bytes.length);
    expect(operationCommandId(view, 0)).toBe(2);
    expect(operationDatabase(bytes, 0)).toBe(3);
    expect(operationFlags(bytes, 0)).toBe(OPERATION_ORIGIN | OPERATION_RESP3);
    const origin: OperationOrigin = { session: 0, sequence: 0, acknowledged: 0, protocol: 0 };
    readOrigin(bytes, view, 0, origin);
    expect(origin).toEqual(ORIGIN);
    expect(args.length(0)).toBe(0);
    expect(textsOf(args)).toEqual(["a", "xyz"]);
  });

  test("an operation that has an origin keeps it", () => {
    const bytes = encodeFrom(["a"], ORIGIN);
    const buffer = new OperationBuffer();
    const other = { ...ORIGIN, sequence: 99 };
    encodeWithOrigin(buffer, bytes, viewOf(bytes), 0, bytes.length, other);
    expect(buffer.bytes.subarray(0, buffer.length).equals(bytes)).toBe(true);
    expect(encodeFrom(["a"], null)).toEqual(encode(2, 3, ["a"]));
  });

  test("any operations, one behind the other, come back as they were", () => {
    const word = fc.uint8Array({ maxLength: 300 });
    const operation = fc.record({
      command: fc.integer({ min: 1, max: 65535 }),
      database: fc.integer({ min: 0, max: 15 }),
      words: fc.array(word, { maxLength: 70 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
        const buffer = new OperationBuffer();
        for (const { command, database, words: given } of operations) {
          encodeOperation(buffer, command, database, 0, argsOf(given));
        }
        const bytes = Uint8Array.from(buffer.bytes.subarray(0, buffer.length));
        const view = viewOf(bytes);
        const args = new Args();
        let at = 0;
        for (const { command, database, words: given } of operations) {
          expect(operationCommandId(view, at)).toBe(command);
          expect(operationDatabase(bytes, at)).toBe(database);
          at = decodeOperation(bytes, view, at, args);
          expect(args.count).toBe(given.length + 1);
          given.forEach((bytesGiven, place) => {
            expect(Buffer.compare(args.look(place + 1), bytesGiven)).toBe(0);
          });
        }
        expect(at).toBe(bytes.length);
      }),
    );
  });
});

describe("damaged operations", () => {
  const whole = encodeFrom(["key", "value", ""], ORIGIN);

  /** Decodes at 0: what happened, with every range checked to lie inside. */
  function attempt(bytes: Uint8Array): string {
    const args = new Args();
    let next = 0;
    try {
      next = decodeOperation(bytes, viewOf(bytes), 0, args);
    } catch (error) {
      return error instanceof DbError ? error.code : String(error);
    }
    for (let index = 0; index < args.count; index++) {
      if (args.offset(index) + args.length(index) > next) return "outside";
    }
    return next <= bytes.length ? "taken" : "outside";
  }

  test("cut at any byte: refused", () => {
    expect(attempt(whole)).toBe("taken");
    for (let length = 0; length < whole.length; length++) {
      expect(attempt(whole.slice(0, length)), `cut to ${length}`).toBe("BAD_ENTRY");
    }
  });

  test.each([
    ["a length of 0", 0, 0],
    ["a length below the header", 0, 11],
    ["a length too long by one", 0, whole.length + 1],
    ["the greatest length", 0, 0xffffffff],
    ["too many arguments", 32, 4],
    ["too few arguments", 32, 2],
    ["no arguments", 32, 0],
    ["the greatest count", 32, 0xffffffff],
    ["an argument too long by one", 36, 4],
    ["an argument as long as can be", 36, 0xffffffff],
  ])("%s: refused", (_name, at, value) => {
    const bytes = Uint8Array.from(whole);
    viewOf(bytes).setUint32(at, value, true);
    expect(attempt(bytes)).toBe("BAD_ENTRY");
  });

  test("a database beyond 15: refused", () => {
    const bytes = Uint8Array.from(whole);
    bytes[6] = 16;
    expect(attempt(bytes)).toBe("BAD_ENTRY");
  });

  test("random damage is refused or harmless", () => {
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        expect(["taken", "BAD_ENTRY"]).toContain(attempt(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  test("random bytes are refused or harmless", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(["taken", "BAD_ENTRY"]).toContain(attempt(bytes));
      }),
    );
  });
});

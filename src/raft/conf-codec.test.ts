// Bytes of configuration entries: golden, round trip, damage.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DbError } from "../base/errors.ts";
import { EMPTY_CONF } from "./conf-change.ts";
import { CONF_CONTEXT_BYTES_MAX, decodeConf, encodeConf } from "./conf-codec.ts";
import type { ConfState } from "./types.ts";

const JOINT: ConfState = {
  voters: [3, 200],
  votersOutgoing: [1, 3],
  learners: [7],
  learnersNext: [1],
  autoLeave: true,
};
const GOLDEN = "0101 02 03 c801 02 01 03 01 07 01 01 02 abcd".replaceAll(" ", "");

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DbError) return error.code;
    throw error;
  }
  return "none";
}

describe("configuration entries", () => {
  test("have the bytes drawn in docs/internals/raft-config-format.md", () => {
    expect(Buffer.from(encodeConf(JOINT, hex("abcd"))).toString("hex")).toBe(GOLDEN);
    expect(decodeConf(hex(GOLDEN))).toEqual({ conf: JOINT, context: hex("abcd") });
  });

  test("come back as they were", () => {
    const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const ids = fc.uniqueArray(id, { minLength: 4, maxLength: 20 });
    fc.assert(
      fc.property(ids, fc.nat(3), fc.uint8Array({ maxLength: 300 }), (all, cut, context) => {
        const sorted = all.toSorted((left, right) => left - right);
        const conf: ConfState = {
          ...EMPTY_CONF,
          voters: sorted.slice(cut),
          learners: sorted.slice(0, cut),
        };
        const record = decodeConf(encodeConf(conf, context));
        expect(record.conf).toEqual(conf);
        expect(Buffer.compare(record.context, context)).toBe(0);
      }),
    );
  });

  test.each([
    { name: "nothing", bytes: "" },
    { name: "only a version", bytes: "01" },
    { name: "another version", bytes: "0200 0101 00 00 00 00" },
    { name: "unknown flags", bytes: "0102 0101 00 00 00 00" },
    { name: "ends in a list", bytes: "0100 0201" },
    { name: "a count beyond all members", bytes: "0100 81 08" },
    { name: "id 0", bytes: "0100 0100 00 00 00 00" },
    { name: "id above 2^53 - 1", bytes: "0100 01 8080808080808010 00 00 00 00" },
    { name: "an endless number", bytes: "0100 01 808080808080808080808001 00 00 00 00" },
    { name: "a number not in its shortest form", bytes: "0100 01 8100 00 00 00 00" },
    { name: "ids out of order", bytes: "0100 02 0201 00 00 00 00" },
    { name: "a learner that votes", bytes: "0100 0101 00 0101 00 00" },
    { name: "auto-leave outside of a joint change", bytes: "0101 0101 00 00 00 00" },
    { name: "context longer than the rest", bytes: "0100 0101 00 00 00 02 ab" },
    { name: "bytes after the context", bytes: "0100 0101 00 00 00 01 abcd" },
  ])("are refused when damaged: $name", ({ bytes }) => {
    expect(codeOf(() => decodeConf(hex(bytes)))).toBe("RAFT_CONF_DAMAGED");
  });

  test("random bytes give a record or RAFT_CONF_DAMAGED, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(["none", "RAFT_CONF_DAMAGED"]).toContain(codeOf(() => decodeConf(bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  test("one flipped byte gives another valid record or RAFT_CONF_DAMAGED", () => {
    const good = hex(GOLDEN);
    for (let at = 0; at < good.length; at++) {
      for (let value = 0; value < 256; value++) {
        const bad = good.slice();
        bad[at] = value;
        expect(["none", "RAFT_CONF_DAMAGED"]).toContain(codeOf(() => decodeConf(bad)));
      }
    }
  });

  test("are not made of what cannot occur", () => {
    const nobody = new Uint8Array(0);
    expect(codeOf(() => encodeConf({ ...EMPTY_CONF, voters: [2, 1] }, nobody))).toBe(
      "RAFT_CONF_INVALID",
    );
    const long = new Uint8Array(CONF_CONTEXT_BYTES_MAX + 1);
    expect(codeOf(() => encodeConf(EMPTY_CONF, long))).toBe("RAFT_CONF_INVALID");
  });
});

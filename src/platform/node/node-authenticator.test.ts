// The published vectors of HMAC-SHA256, and the comparison.
import { describe, expect, test } from "vitest";
import { MAC_BYTES } from "../authenticator.ts";
import { nodeAuthenticator } from "./node-authenticator.ts";

describe("nodeAuthenticator", () => {
  test.each([
    {
      name: "RFC 4231 case 1",
      key: "0b".repeat(20),
      parts: ["4869205468657265"],
      mac: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    },
    {
      name: "RFC 4231 case 2, in three parts",
      key: "4a656665",
      parts: ["7768617420646f2079", "612077616e7420666f72", "206e6f7468696e673f"],
      mac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    },
    {
      name: "an empty key and no parts",
      key: "",
      parts: [],
      mac: "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
    },
  ])("makes the known code: $name", ({ key, parts, mac }) => {
    const made = nodeAuthenticator.hmac(
      Buffer.from(key, "hex"),
      parts.map((part) => Buffer.from(part, "hex")),
    );
    expect(made.length).toBe(MAC_BYTES);
    expect(Buffer.from(made).toString("hex")).toBe(mac);
  });

  test.each([
    { left: "abc", right: "abc", same: true },
    { left: "abc", right: "abd", same: false },
    { left: "abc", right: "ab", same: false },
    { left: "", right: "", same: true },
  ])("compares $left and $right", ({ left, right, same }) => {
    expect(nodeAuthenticator.equal(Buffer.from(left), Buffer.from(right))).toBe(same);
  });
});

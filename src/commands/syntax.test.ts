// Syntax lines: what each notation means, and that any line is read.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displaySyntax, parseSyntax, type SyntaxArgument } from "./syntax.ts";
import { dataCommands } from "./table.ts";

/** An argument in short: `name:type`, `?` optional, `*` multiple, `TOKEN=`, parts in braces. */
function short(argument: SyntaxArgument): string {
  const token = argument.token === undefined ? "" : `${argument.token}=`;
  const marks = (argument.optional ? "?" : "") + (argument.multiple ? "*" : "");
  const parts = argument.parts.length > 0 ? `{${argument.parts.map(short).join(" ")}}` : "";
  return `${token}${argument.name}:${argument.type}${marks}${parts}`;
}

describe("parseSyntax", () => {
  test.each([
    ["key", "key:key"],
    ["key value", "key:key value:string"],
    ["source:key count:integer", "source:key count:integer"],
    ["key [key ...]", "key:key*"],
    ["key value [key value ...]", "key_value:block*{key:key value:string}"],
    ["[section [section ...]]", "section:string?*"],
    ["[GET]", "GET=get:pure-token?"],
    ["[DB db:integer] [REPLACE]", "DB=db:integer? REPLACE=replace:pure-token?"],
    ["NOW FORCE", "NOW=now:pure-token FORCE=force:pure-token"],
    ["ON|OFF", "on_off:oneof{ON=on:pure-token OFF=off:pure-token}"],
    ["[mode=ON|OFF]", "mode:oneof?{ON=on:pure-token OFF=off:pure-token}"],
    ["[TYPE A|B]", "TYPE=a_b:oneof?{A=a:pure-token B=b:pure-token}"],
    [
      "[time=EX seconds:integer | PX ms:integer | KEEPTTL]",
      "time:oneof?{EX=seconds:integer PX=ms:integer KEEPTTL=keepttl:pure-token}",
    ],
    ["[AUTH user password]", "user_password:block?{AUTH=user:string password:string}"],
    ["", ""],
  ])("%s", (text, expected) => {
    expect(parseSyntax(text).map(short).join(" ")).toBe(expected);
  });

  test("reads any line without harm", () => {
    const unit = fc.constantFrom("a", "A", " ", "[", "]", "|", ":", "=", ".", " ...", "-");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
        expect(Array.isArray(parseSyntax(text))).toBe(true);
      }),
    );
  });
});

describe("displaySyntax", () => {
  test.each([
    ["source:key [condition=NX|XX] [COUNT count:integer]", "source [NX|XX] [COUNT count]"],
    ["key [key ...]", "key [key ...]"],
  ])("%s", (text, expected) => {
    expect(displaySyntax(text)).toBe(expected);
  });
});

test("every data command's syntax takes as many arguments as its arity", () => {
  for (const { name, arity, syntax } of dataCommands) {
    const parts = parseSyntax(syntax ?? "");
    const needed = parts
      .filter(({ optional }) => !optional)
      .reduce((sum, part) => sum + (part.type === "block" ? part.parts.length : 1), 0);
    const open = parts.some(({ optional, multiple }) => optional || multiple);
    expect([name, open ? -(needed + 1) : needed + 1]).toEqual([name, arity]);
  }
});

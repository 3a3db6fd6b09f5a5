// Finding commands by name and id; the ids that logs on disks hold.
import { describe, expect, test } from "vitest";
import { InvariantError } from "../base/invariant.ts";
import { appliedCommands } from "./applied-commands.ts";
import { CommandId } from "./ids.ts";
import { CommandTable, dataCommands } from "./table.ts";

function lookup<T extends { name: string }>(table: CommandTable<T>, text: string): T | undefined {
  const bytes = Buffer.from(`g${text}t`, "latin1");
  return table.lookup(bytes, 1, bytes.length - 2);
}

describe("CommandTable", () => {
  const table = new CommandTable(dataCommands);

  test("finds every data command in any case, and by its id", () => {
    for (const command of dataCommands) {
      const mixed = command.name.replace(/./g, (letter, at: number) =>
        at % 2 === 0 ? letter.toUpperCase() : letter,
      );
      for (const name of [command.name, command.name.toUpperCase(), mixed]) {
        expect(lookup(table, name)).toBe(command);
        expect(table.byName(name)).toBe(command);
      }
      expect(table.byId(command.id)).toBe(command);
    }
    expect(table.all).toEqual(dataCommands);
  });

  test.each([
    "",
    "g",
    "ge",
    "gett",
    "get ",
    "\0get",
    "GE\x54\x20",
    "g\xe5t",
    "ge\u0014",
    "constructor",
    "__proto__",
    "toString",
    "get|x",
    "x".repeat(100_000),
  ])("does not find %j", (name) => {
    expect(lookup(table, name)).toBeUndefined();
    expect(table.byName(name)).toBeUndefined();
  });

  test("a Kelvin sign is no k", () => {
    expect(table.byName("\u212aeys")).toBeUndefined();
  });

  test("finds subcommands through their container alone", () => {
    const names = ["client", "client|list", "client|no-evict", "config|get"];
    const tree = new CommandTable(names.map((name) => ({ name })));
    const word = Buffer.from("LIST");
    expect(tree.lookupSubcommand("client", word, 0, 4)?.name).toBe("client|list");
    expect(tree.lookupSubcommand("client", word, 0, 3)).toBeUndefined();
    expect(tree.lookupSubcommand("config", word, 0, 4)).toBeUndefined();
    expect(lookup(tree, "client|list")).toBeUndefined();
    expect(tree.byName("CLIENT|LIST")?.name).toBe("client|list");
  });

  test("refuses a name or an id that comes twice", () => {
    expect(() => new CommandTable([{ name: "a" }, { name: "a" }])).toThrow(InvariantError);
    const twice = [
      { name: "a", id: 1 },
      { name: "b", id: 1 },
    ];
    expect(() => new CommandTable(twice)).toThrow(InvariantError);
    expect(() => new CommandTable([{ name: "a", id: 65536 }])).toThrow(InvariantError);
  });

  test("works for many names that differ little", () => {
    const many = Array.from({ length: 3000 }, (_, place) => ({ name: `command${place}` }));
    const large = new CommandTable(many);
    for (const entry of many) expect(lookup(large, entry.name)).toBe(entry);
  });
});

describe("ids of commands", () => {
  test("every id has a command and every command an id", () => {
    const ids = Object.entries(CommandId);
    expect(new Set(ids.map(([, id]) => id)).size).toBe(ids.length);
    for (const [, id] of ids) expect(appliedCommands.byId(id)).toBeDefined();
    expect(new Set(appliedCommands.all.map(({ id }) => id))).toEqual(
      new Set(ids.map(([, id]) => id)),
    );
    expect(appliedCommands.byId(0)).toBeUndefined();
    expect(appliedCommands.byId(65535)).toBeUndefined();
  });

  // A change here breaks every log that is on a disk: add, never edit.
  test("are those that logs on disks hold", () => {
    expect(CommandId).toMatchObject({
      get: 1,
      set: 2,
      getset: 3,
      getdel: 4,
      getex: 5,
      setnx: 6,
      setex: 7,
      psetex: 8,
      mget: 9,
      mset: 10,
      msetnx: 11,
      incr: 12,
      decr: 13,
      incrby: 14,
      decrby: 15,
      incrbyfloat: 16,
      append: 17,
      strlen: 18,
      getrange: 19,
      setrange: 20,
      substr: 21,
      del: 101,
      unlink: 102,
      exists: 103,
      touch: 104,
      type: 105,
      expire: 106,
      pexpire: 107,
      expireat: 108,
      pexpireat: 109,
      ttl: 110,
      pttl: 111,
      expiretime: 112,
      pexpiretime: 113,
      persist: 114,
      rename: 115,
      renamenx: 116,
      copy: 117,
      move: 118,
      swapdb: 119,
      keys: 120,
      scan: 121,
      randomkey: 122,
      dbsize: 123,
      flushdb: 124,
      flushall: 125,
      exec: 201,
      watchVersions: 202,
      rawReply: 203,
      expireKeys: 204,
    });
  });
});

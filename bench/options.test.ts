// The command line: defaults, lists, and what is refused.
import { expect, test } from "vitest";
import { readOptions } from "./options.ts";

test("defaults: all servers, three rounds of four seconds", () => {
  expect(readOptions([])).toMatchObject({
    rows: [],
    servers: ["kvorum", "redis", "etcd"],
    rounds: 3,
    seconds: 4,
    kills: 20,
    json: null,
    standIn: null,
  });
});

test("lists are split at commas", () => {
  const args = ["--rows", "set-durable,churn", "--servers", "redis", "--seconds", "0.5"];
  const expected = { rows: ["set-durable", "churn"], servers: ["redis"], seconds: 0.5 };
  expect(readOptions(args)).toMatchObject(expected);
});

test.each([
  { args: ["--rounds", "0"], says: "--rounds: 0 is not a whole number above 0" },
  { args: ["--rounds", "1.5"], says: "--rounds: 1.5 is not a whole number above 0" },
  { args: ["--seconds=-1"], says: "--seconds: -1 is not a number above 0" },
  { args: ["--seconds", "soon"], says: "--seconds: soon is not a number above 0" },
  { args: ["--seconds", "Infinity"], says: "--seconds: Infinity is not a number above 0" },
  { args: ["--servers", "mysql"], says: "--servers: mysql is not one of kvorum, redis, etcd" },
  { args: ["--colour", "red"], says: "--colour" },
])("$args is refused: $says", ({ args, says }) => {
  expect(() => readOptions(args)).toThrow(says);
});

// The table of rows is consistent with itself, and rows are chosen by name.
import { expect, test } from "vitest";
import { chooseRows, rows, serversOf } from "./rows.ts";

test("names are unique and usable on a command line", () => {
  const names = rows.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9-]+$/);
});

test("aims lie beyond musts, in the better direction", () => {
  const ratios = rows.flatMap((row) => (row.kind === "throughput" ? row.peers : []));
  const figures = rows.flatMap((row) => (row.kind === "throughput" ? [] : row.bars));
  expect(ratios.filter(({ must, aim }) => aim <= must)).toEqual([]);
  expect(figures.filter(({ must, aim }) => aim > must)).toEqual([]);
});

test("relaxed meets relaxed, durable meets durable, three nodes meet three nodes", () => {
  for (const row of rows) {
    if (row.kind !== "throughput") continue;
    expect(new Set(serversOf(row).map((kind) => kind.split("-")[1])).size).toBe(1);
  }
});

test("without names all rows run but the long ones", () => {
  const names = chooseRows([]).map(({ name }) => name);
  expect(names).toContain("set-durable");
  expect(names).not.toContain("churn");
});

test("named rows run in the order of the table, the long ones too", () => {
  const names = chooseRows(["churn", "set-durable"]).map(({ name }) => name);
  expect(names).toEqual(["set-durable", "churn"]);
});

test("an unknown name is refused by name", () => {
  expect(() => chooseRows(["set-durable", "warp"])).toThrow("warp");
});

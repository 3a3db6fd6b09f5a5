// `npm test`: set-up, types, lint, format and every test; its last line is "N passed, N failed".
// Runs all steps even when one fails. Arguments go to vitest and leave out the other checks.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./build.mjs";
import { ensureBuilt, ensureInstalled, isNodeNewEnough } from "./setup.mjs";

const filters = process.argv.slice(2);
const report = join(root, ".build", "vitest.json");
const total = { passed: 0, failed: 0, skipped: 0 };

/** Runs a program of node_modules in the foreground; true when it exits with 0. */
function run(program, args) {
  const file = join(root, "node_modules", ".bin", program);
  return spawnSync(file, args, { cwd: root, stdio: "inherit" }).status === 0;
}

/** Counts one check that is not a test of vitest. */
function check(name, worked) {
  console.log(`${worked ? "ok    " : "FAILED"} ${name}`);
  if (worked) total.passed += 1;
  else total.failed += 1;
}

/** Runs vitest and adds its counts; a file that cannot even be loaded is one failure. */
function runTests() {
  mkdirSync(join(root, ".build"), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const worked = run("vitest", ["run", ...reporters, ...filters]);
  const before = total.failed;
  if (existsSync(report)) addReport(JSON.parse(readFileSync(report, "utf8")));
  // Errors outside of tests (an unhandled rejection, a crash of vitest) show in the exit code
  // alone.
  if (!worked && total.failed === before) total.failed += 1;
}

function addReport(result) {
  total.passed += result.numPassedTests;
  total.failed += result.numFailedTests;
  total.skipped += result.numPendingTests + (result.numTodoTests ?? 0);
  for (const file of result.testResults) {
    const tests = file.assertionResults;
    if (file.status !== "failed" || tests.some((test) => test.status === "failed")) continue;
    console.log(`FAILED ${file.name}: ${file.message}`);
    total.failed += 1;
  }
}

/** Prints the last line and ends. */
function finish() {
  const { passed, failed, skipped } = total;
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exit(failed === 0 ? 0 : 1);
}

if (!isNodeNewEnough() || !ensureInstalled()) {
  total.failed += 1;
  finish();
}
check("build", ensureBuilt());
if (filters.length === 0) {
  check("types", run("tsc", ["-p", "tsconfig.json"]));
  check("lint", run("oxlint", []));
  check("format", run("oxfmt", ["--check"]));
}
runTests();
finish();

// `npm run bench`: starts Kvorum and its peers, runs the rows asked for, prints what came out.
import { existsSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { execFileSync } from "node:child_process";
import { failedFinding, type Finding } from "./finding.ts";
import { machineFacts } from "./machine.ts";
import { type BenchOptions, helpText, readOptions } from "./options.ts";
import { listRows, markdownReport, textReport } from "./report.ts";
import { chooseRows, type Row, serversOf } from "./rows.ts";
import { type Bench, inWords, type RawResult, ServerPool } from "./run/bench.ts";
import { runChurn } from "./run/churn.ts";
import { runFailover } from "./run/failover.ts";
import { runMemory } from "./run/memory.ts";
import { runRestart } from "./run/restart.ts";
import { runStall } from "./run/stall.ts";
import { runThroughput } from "./run/throughput.ts";
import { Children } from "./servers/children.ts";
import { etcdVersion } from "./servers/etcd.ts";
import { kvorumPath, kvorumVersion } from "./servers/kvorum.ts";
import type { Family } from "./servers/server.ts";

const HOW_TO_GET = "apt-get install redis-server redis-tools etcd-server (Debian)";

const special = {
  memory: runMemory,
  restart: runRestart,
  stall: runStall,
  failover: runFailover,
  churn: runChurn,
} as const;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.isHelp || options.isList) {
    process.stdout.write(options.isHelp ? helpText : listRows());
    return 0;
  }
  const chosen = chooseRows(options.rows);
  const families = options.servers.filter((family) => isThere(family, options));
  // However this process ends, the reaper that comes with it ends the servers: see children.ts.
  const children = options.folder === null ? new Children() : new Children(options.folder);
  const raw: RawResult[] = [];
  const context = { children, standIn: options.standIn };
  const bench: Bench = {
    ...context,
    options,
    families,
    raw,
    servers: new ServerPool(context),
    hasRedisBenchmark: isOnPath("redis-benchmark"),
    log,
  };
  const facts = machineFacts(children.folder, versionsOf(families, options), options);
  const findings: Finding[] = [];
  try {
    for (const [at, row] of chosen.entries()) {
      log(`${row.name}: ${row.title}`);
      findings.push(...(await runRow(row, bench)));
      await bench.servers.keepOnly(chosen.slice(at + 1).flatMap(serversNeeded));
    }
  } finally {
    await children.close();
  }
  const report = options.isMarkdown ? markdownReport : textReport;
  process.stdout.write(report(findings, facts));
  if (options.json !== null) {
    const all = { facts: Object.fromEntries(facts), findings, raw };
    writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  return findings.some(({ verdict }) => verdict === "MISS" || verdict === "FAILED") ? 1 : 0;
}

/** A row that fails as a whole is a line of the table like any other; the next one runs. */
async function runRow(row: Row, bench: Bench): Promise<Finding[]> {
  try {
    if (row.kind === "throughput") return await runThroughput(row, bench);
    // These take much memory and all of the processor: nothing else may run beside them.
    await bench.servers.keepOnly([]);
    return await special[row.kind](row, bench);
  } catch (error) {
    return [failedFinding(row.name, row.title, "-", inWords(error))];
  }
}

function serversNeeded(row: Row): ReturnType<typeof serversOf> {
  return row.kind === "throughput" ? serversOf(row) : [];
}

/** Whether a family can be started here; says what to do when it cannot. */
function isThere(family: Family, options: BenchOptions): boolean {
  if (family === "kvorum") {
    const isBuilt = options.standIn !== null || existsSync(kvorumPath);
    if (!isBuilt) log(`${kvorumPath} is not there: Kvorum is left out`);
    return isBuilt;
  }
  const program = family === "redis" ? "redis-server" : "etcd";
  const isInstalled = isOnPath(program);
  if (!isInstalled) log(`${program} is not on the PATH: ${family} is left out. ${HOW_TO_GET}`);
  return isInstalled;
}

function isOnPath(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program)));
}

function versionsOf(families: readonly Family[], options: BenchOptions): Map<string, string> {
  const versions = new Map<string, string>();
  if (families.includes("kvorum")) {
    versions.set(
      "kvorum",
      options.standIn === null ? kvorumVersion() : `STAND-IN ${options.standIn}`,
    );
  }
  if (families.includes("redis")) {
    const text = execFileSync("redis-server", ["--version"], { encoding: "utf8" });
    versions.set("redis", /v=(\S+)/.exec(text)?.[1] ?? "unknown");
  }
  if (families.includes("etcd")) versions.set("etcd", etcdVersion());
  return versions;
}

/** Progress goes to standard error: standard output holds the report alone. */
function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

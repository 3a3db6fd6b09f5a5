// `kvorum check DIR`: verifies a data directory offline.
import { resolve } from "node:path";
import type { Command } from "commander";
import { checkDirectory, type CheckReport } from "../cluster/check-directory.ts";
import { NodeDisk } from "../platform/node/node-disk.ts";
import { nodeScheduler } from "../platform/node/node-scheduler.ts";

/** Adds the subcommand. Exit status 1 when anything is damaged. */
export function addCheckCommand(program: Command): void {
  program
    .command("check")
    .argument("<dir>", "data directory of a node that is not running")
    .option("--json", "print the report as JSON")
    .description("Verify every checksum in a data directory, and that its parts fit together.")
    .action(async (directory: string, options: { readonly json?: boolean }) => {
      const report = await checkDirectory(new NodeDisk(), nodeScheduler, resolve(directory));
      const text = options.json === true ? JSON.stringify(report, null, 2) : describe(report);
      process.stdout.write(`${text}\n`);
      if (report.findings.length > 0) process.exitCode = 1;
    });
}

function describe(report: CheckReport): string {
  const { identity, log, snapshots, findings } = report;
  const lines: string[] = [];
  if (identity !== null) lines.push(`node ${identity.nodeId} of cluster ${identity.clusterId}`);
  const { segments, frames, entries, operations } = log;
  lines.push(
    `log: ${segments} segments, ${frames} frames, ${entries} entries, ${operations} operations`,
  );
  for (const { file, index, keys } of snapshots) {
    lines.push(`snapshot at entry ${index}: ${keys} keys (${file})`);
  }
  if (log.cut !== null) {
    const { file, offset, bytes, unsealed } = log.cut;
    const doubt = unsealed ? "; it may have been acknowledged" : "";
    lines.push(
      `unfinished end, cut at the next start: ${file}, offset ${offset}, ${bytes} bytes${doubt}`,
    );
  }
  for (const { code, message } of findings) lines.push(`DAMAGED ${code}: ${message}`);
  lines.push(findings.length === 0 ? "ok" : `${findings.length} findings`);
  return lines.join("\n");
}

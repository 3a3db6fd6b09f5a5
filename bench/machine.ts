// Where and with what the figures were taken: they mean nothing without it.
import { cpus, release, totalmem } from "node:os";
import { statfsSync } from "node:fs";

/** Names of file systems by the magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x794c7630: "overlayfs",
  0x2fc12fc1: "zfs",
};
const DATE_LENGTH = "2026-01-01".length;

/** Facts about the machine and the run, by name, in the order to print. */
export function machineFacts(
  folder: string,
  versions: ReadonlyMap<string, string>,
  run: { readonly rounds: number; readonly seconds: number },
): Map<string, string> {
  const processors = cpus();
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0);
  const fileSystem = statfsSync(folder).type;
  return new Map([
    ["date", new Date().toISOString().slice(0, DATE_LENGTH)],
    ["cpu", `${processors[0]?.model.trim() ?? "unknown"}, ${processors.length} cores`],
    ["memory", `${gibibytes} GiB`],
    ["kernel", `Linux ${release()}, ${FILE_SYSTEMS[fileSystem] ?? `0x${fileSystem.toString(16)}`}`],
    ["node", process.version],
    ...versions,
    ["rounds", `${run.rounds} interleaved, ${run.seconds} s each`],
  ]);
}

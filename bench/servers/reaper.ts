// Ends what a benchmark leaves behind when it dies itself, however it dies: reads process groups
// and folders from its standard input, and when that closes, kills the groups, removes the folders.
// Run in a process group of its own, so that Ctrl-C in the terminal does not reach it.
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const groups = new Set<number>();
const folders = new Set<string>();

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, what = ""] = line.split("\t");
  if (verb === "group") groups.add(Number(what));
  else if (verb === "group-ended") groups.delete(Number(what));
  else if (verb === "folder") folders.add(what);
  else if (verb === "folder-removed") folders.delete(what);
}
for (const group of groups) killGroup(group);
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch (error) {
    // Already gone: what was wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

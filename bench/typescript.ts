// How a child process of ours is started so that Node reads TypeScript: Node 20 needs tsx for it.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** Arguments for `node`, to stand before the file. */
export const typescriptArgs: readonly string[] = [
  "--import",
  pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href,
];

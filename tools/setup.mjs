// Makes a clone ready to run: installs and builds what is missing or stale, and does nothing
// otherwise. Runs before `npm start` and `npm test`, on plain Node, before any dependency is there.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, isBuilt, root } from "./build.mjs";

/** Says whether node_modules holds what the lock file asks for; compares versions, not times. */
export function isInstalled() {
  const installed = packagesOf(join(root, "node_modules", ".package-lock.json"));
  const wanted = packagesOf(join(root, "package-lock.json"));
  if (installed === null || wanted === null) return false;
  return Object.entries(wanted).every(([path, { version, optional, peer }]) => {
    const present = installed[path];
    if (path === "" || (present === undefined && (optional || peer))) return true;
    return present?.version === version;
  });
}

/** Installs the dependencies of the lock file. Returns false when npm failed. */
export function install() {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  return spawnSync(npm, ["ci", "--loglevel=error"], { cwd: root, stdio: "inherit" }).status === 0;
}

/** The `packages` table of a lock file, or null when there is no such file. */
function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : null;
}

/** Complains about a Node that is too old, with what to do. */
export function isNodeNewEnough() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return true;
  console.error(
    `kvorum needs Node 20.19 or later, this is ${process.version}: install a newer one`,
  );
  return false;
}

/** Runs one part when it is needed; tells about it on standard error. */
function ensure(what, isDone, run) {
  if (isDone()) return true;
  const startedMs = Date.now();
  console.error(`kvorum: ${what} ...`);
  const worked = run();
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.error(`kvorum: ${what} ${worked ? "done" : "FAILED"} in ${seconds} s`);
  return worked;
}

/** Installs when something is missing. */
export const ensureInstalled = () => ensure("installing dependencies", isInstalled, install);

/** Builds when dist/ is missing or older than its sources. */
export const ensureBuilt = () => ensure("building", isBuilt, build);

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.exit(isNodeNewEnough() && ensureInstalled() && ensureBuilt() ? 0 : 1);
}

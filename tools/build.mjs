// Builds the product into dist/: compiles src/, drops what has no source any more, bundles the
// command, copies what is not compiled. `isBuilt()` lets a start without changes skip all of it, on
// plain Node before any dependency is there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const dist = join(root, "dist");
const stampFile = join(dist, ".stamp");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");

/** Says whether dist/ was built from exactly the sources that are there now. */
export function isBuilt() {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === sourceStamp();
}

/**
 * Builds dist/. Returns false, with the compiler's messages printed, when a source has an error.
 */
export function build() {
  rmSync(stampFile, { force: true });
  const stamp = sourceStamp();
  const compiled = spawnSync(
    process.execPath,
    [compiler, "-p", join(root, "tsconfig.build.json")],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  if (compiled.status !== 0) return false;
  dropOrphans();
  bundleCommand();
  copyDashboard();
  mkdirSync(dist, { recursive: true });
  writeFileSync(stampFile, stamp);
  return true;
}

/**
 * Names, sizes and times of all files the build reads: cheap to compute, different after any edit.
 */
function sourceStamp() {
  const hash = createHash("sha256").update(process.version);
  const single = ["package.json", "tsconfig.base.json", "tsconfig.build.json", "tools/build.mjs"];
  const files = [...single.map((name) => join(root, name)), ...filesUnder("src")];
  for (const file of [...files, ...filesUnder("dashboard")]) {
    if (!existsSync(file)) continue;
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest("hex");
}

/** All files below a folder of the repository, sorted; none when it does not exist. */
function filesUnder(folder) {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  const entries = readdirSync(start, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.endsWith(".test.ts"))
    .toSorted();
}

/** Deletes compiled files whose source has gone, so that nothing can still import them. */
function dropOrphans() {
  for (const file of filesUnder("dist")) {
    const source = file.replace(/(\.d\.ts|\.js\.map|\.js)$/, ".ts");
    if (source === file || file.startsWith(join(dist, "dashboard") + sep)) continue;
    if (!existsSync(join(root, "src", relative(dist, source)))) rmSync(file);
  }
}

/**
 * Puts the modules of the command into a few files: Node takes about a millisecond to find, read
 * and link each, see docs/decisions/0008-the-command-is-bundled.md. Depends on the depth of the
 * folder: sources find package.json and bin/ from their own place.
 */
function bundleCommand() {
  require("esbuild").buildSync({
    entryPoints: [join(dist, "cli", "main.js")],
    outdir: join(dist, "command"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    sourcemap: true,
    logLevel: "warning",
  });
}

/** The dashboard's files are served as they are. */
function copyDashboard() {
  const from = join(root, "dashboard");
  const to = join(dist, "dashboard");
  rmSync(to, { recursive: true, force: true });
  if (!existsSync(from)) return;
  cpSync(from, to, { recursive: true, filter: (file) => !file.endsWith(".ts") });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exit(build() ? 0 : 1);

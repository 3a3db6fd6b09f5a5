// Runs one of our generator programs as a child process and reads its result.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { typescriptArgs } from "../typescript.ts";
import type { EtcdLoadSpec } from "./etcd-load.ts";
import type { RespLoadSpec } from "./resp-load.ts";
import type { LoadResult } from "./result.ts";

const run = promisify(execFile);
const folder = dirname(fileURLToPath(import.meta.url));
const GRACE_MS = 30_000;

/** The programs of this folder that end by themselves, with what each is told. */
interface Specs {
  readonly "resp-load.ts": RespLoadSpec;
  readonly "etcd-load.ts": EtcdLoadSpec;
}

/** Arguments for Node that run a program of this folder with its spec. */
export function programArgs(program: string, spec: unknown): string[] {
  return [...typescriptArgs, join(folder, program), JSON.stringify(spec)];
}

/** Runs a generator with its spec; throws with its words when it fails. */
export async function runGenerator<Program extends keyof Specs>(
  program: Program,
  spec: Specs[Program],
): Promise<LoadResult> {
  const args = programArgs(program, spec);
  const timeout = spec.warmupMs + spec.measureMs + GRACE_MS;
  const { stdout } = await run(process.execPath, args, { timeout });
  return JSON.parse(stdout) as LoadResult;
}

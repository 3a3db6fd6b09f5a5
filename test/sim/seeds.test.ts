// The simulator as a command: seeds for every run of the tests, on all cores.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SEEDS = Number(process.env["KVORUM_SEEDS"] ?? 200);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs the simulator; its exit status and what it printed. */
function simulate(...args: string[]): Promise<{ readonly status: number; readonly text: string }> {
  const command = ["--import", "tsx", "sim/main.ts", ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: ROOT, maxBuffer: 1 << 26 }, (error, out, err) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, text: out + err });
    });
  });
}

test(`${SEEDS} seeds hold every rule`, async () => {
  const { status, text } = await simulate("--seeds", `${SEEDS}`, "--no-minimise");
  expect(text).toContain(`seeds        ${SEEDS}, 0 failed, 0 undecided`);
  expect(status).toBe(0);
}, 600_000);

test("says what is wrong with its arguments", async () => {
  const { status, text } = await simulate("--seeds", "some");
  expect({ status, text }).toEqual({
    status: 2,
    text: 'sim: --seeds takes a number from 0 on, not "some"\n',
  });
});

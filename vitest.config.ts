// Two groups: unit tests run side by side; tests that start real processes run after them, one file
// at a time.
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Folders of test/ that start no process and use no port. */
const IN_PROCESS = ["test/{raft,conformance}/**/*.test.ts"];

const config: ViteUserConfig = defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      {
        test: {
          name: "unit",
          include: [...IN_PROCESS, "{src,sim,bench,tools,proto}/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "process",
          include: ["test/**/*.test.ts"],
          exclude: IN_PROCESS,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
export default config;

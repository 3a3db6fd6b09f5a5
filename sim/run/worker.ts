// A process that plays the seeds it is sent.
import { plant } from "./planting.ts";
import { playSeed } from "./play.ts";
import type { Answer, Task } from "./pool.ts";

let playing = 0;

function answer(message: Answer): void {
  process.send!(message);
}

process.on("message", (message) => {
  const { seed, commands, without, planted } = message as Task;
  playing = seed;
  plant(planted);
  playSeed(seed, commands, new Set(without)).then(
    (report) => answer({ kind: "report", report }),
    (error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      answer({ kind: "error", seed, text });
    },
  );
});
process.on("disconnect", () => process.exit(0));
process.on("unhandledRejection", (reason) => {
  process.stderr.write(`seed ${playing}: a promise was rejected and nobody listened\n`);
  throw reason;
});

// The end of a server's work: nothing new is taken, what is under way is answered.
import type { RespServer } from "./resp-server.ts";

/** How often to look whether all is answered, in milliseconds. */
const STEP_MS = 10;

/**
 * Takes no more connections and commands, and waits until those under way are answered.
 *
 * @param limitMs How long to wait at most.
 */
export async function drain(server: RespServer, limitMs: number): Promise<void> {
  const { clock, scheduler, sessions } = server;
  const closing = server.stopListening();
  for (const session of sessions.values()) session.hold();
  await closing;
  const endMs = clock.monotonicMs() + limitMs;
  const isIdle = (): boolean =>
    [...sessions.values()].every((session) => session.openOperations === 0);
  while (!isIdle() && clock.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => {
      scheduler.after(STEP_MS, resolve);
    });
  }
}

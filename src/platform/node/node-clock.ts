// The system's two clocks: the only place where the database asks the machine for the time.
import type { Clock } from "../clock.ts";

/** The clocks of this machine. The monotonic one stops while a virtual machine is suspended. */
export const nodeClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

// In which start of its machine this process runs.
import { readFileSync } from "node:fs";

/** The kernel draws it at each start of the machine; containers see that of their host. */
const LINUX_BOOT_ID = "/proc/sys/kernel/random/boot_id";

/**
 * The id of the machine's present start: the same for all processes until it starts anew, so what a
 * killed process wrote is still in the system's memory. Empty where that cannot be known.
 */
export function readBootId(): string {
  if (process.platform !== "linux") return "";
  try {
    return readFileSync(LINUX_BOOT_ID, "latin1").trim();
  } catch {
    // Hidden from this process (a sandbox without /proc): as unknown as anywhere else.
    return "";
  }
}

// What clients do: each workload has keys of its own and is judged by itself.
import type { InvariantName } from "../invariants/names.ts";
import type { Judgement } from "../judges/history.ts";
import type { LoadClient } from "./client.ts";

/** One kind of load. */
export interface Workload {
  readonly name: string;
  /** The rule that its judges speak of. */
  readonly rule: InvariantName;
  /** What has to be there before: run by one client, without faults. */
  prepare?(client: LoadClient): Promise<void>;
  /** One thing that a client does. Records what was seen. Returns how many commands it sent. */
  step(client: LoadClient): Promise<number>;
  /** Reads everything at the end, when all is healed, so that judges see what was lost. */
  readAll(client: LoadClient): Promise<void>;
  /** The judgement of all that was recorded. */
  judge(): Judgement[];
}

// At the end of a run: does what the engines hold fit together inside?
import { checkStore } from "../../src/keyspace/testing/check-store.ts";
import type { Fleet } from "../cluster/fleet.ts";

/** Reads all records and pages of every machine that serves. */
export function checkEngines(fleet: Fleet, broken: (text: string) => void): void {
  for (const { name, server } of fleet.serving) {
    try {
      checkStore(server!.cluster.node.replica.applier.keyspace.store);
    } catch (error) {
      broken(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

// What the conformance suite asks of the engine that it is run on.
import type { Keyspace } from "../keyspace.ts";
import { KeyspaceTester } from "./keyspace-tester.ts";
import type { ChunkLoader } from "./play.ts";

/** How the suite makes keyspaces of one kind. */
export interface KeyspaceKind {
  /** An empty keyspace; keyspaces with equal seeds order keys alike. */
  readonly make: (seed?: number) => Keyspace;
  /** A loader of snapshots into an empty keyspace. */
  readonly newLoader: (seed?: number) => ChunkLoader;
  /** Throws if the insides of a keyspace contradict themselves. */
  readonly check: (keyspace: Keyspace) => void;
}

/** Time at which the suite's tests begin, in Unix ms. */
export const NOW = 1_700_000_000_000;

/** An empty keyspace at time `NOW` and log index 1. */
export function start(kind: KeyspaceKind): { keyspace: Keyspace; tester: KeyspaceTester } {
  const keyspace = kind.make();
  keyspace.nowMs = NOW;
  keyspace.writeIndex = 1;
  return { keyspace, tester: new KeyspaceTester(keyspace) };
}

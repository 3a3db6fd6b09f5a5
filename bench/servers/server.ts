// What the benchmark needs of a running server, whichever it is.
import type { Child, Children } from "./children.ts";

/** The set-ups that rows compare. `three` means three nodes, synced on a majority. */
export const serverKinds = [
  "kvorum-relaxed",
  "kvorum-durable",
  "kvorum-three",
  "redis-relaxed",
  "redis-durable",
  "redis-three",
  "etcd-three",
] as const;
export type ServerKind = (typeof serverKinds)[number];
export type Family = "kvorum" | "redis" | "etcd";

/** A server or cluster that has been started and answers. */
export interface RunningServer {
  readonly kind: ServerKind;
  readonly version: string;
  /** Its process ids; CPU and memory are counted over the trees under them. */
  readonly roots: readonly number[];
  /** Port to drive: the only node's, the leader's, the master's. Asks again on every call. */
  leaderPort(): Promise<number>;
  /** Why it does not do what its rows claim (it does not sync, say); empty when all is well. */
  problems(): Promise<string[]>;
  /** Ends it by SIGTERM. */
  stop(): Promise<void>;
}

/** What a server is started with. */
export interface StartContext {
  readonly children: Children;
  /** Hidden option for trying the benchmark out: a command line to run instead of Kvorum. */
  readonly standIn: string | null;
}

/** A single node that can be killed and started again on its data. */
export interface RestartableNode {
  readonly roots: readonly number[];
  /** Its present process: another one after each start. */
  readonly child: Child;
  readonly port: number;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port; does not wait until it answers. */
  start(): void;
}

/** A client that only writes, for failover: throws when a write is not certainly acknowledged. */
export interface Writer {
  write(key: string): Promise<void>;
  close(): void;
}

/** Three nodes whose members can be killed and started again one by one. */
export interface FailoverCluster {
  readonly family: Family;
  readonly nodes: readonly RestartableNode[];
  /** Index of the node that leads; throws while there is none. */
  leader(): Promise<number>;
  /** Whether all three nodes are up and follow the leader. */
  isWhole(): Promise<boolean>;
  /** Connects a writer to one node. `timeoutMs` bounds each write. */
  writer(node: number, timeoutMs: number): Promise<Writer>;
  /** Which of the keys `prefix0` .. `prefix(count - 1)` exist. */
  existing(prefix: string, count: number): Promise<Set<number>>;
  stop(): Promise<void>;
}

/** The product a set-up belongs to. */
export function familyOf(kind: ServerKind): Family {
  return kind.split("-")[0] as Family;
}

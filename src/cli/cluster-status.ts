// Asks the nodes of a cluster, each itself, how they are: what `status` shows and `dev` waits for.
import { DbError } from "../base/errors.ts";
import type { ReplyValue } from "./reply-reader.ts";
import { type ClientAddress, RespClient, textOf } from "./resp-client.ts";

/** What a node that cannot be asked may take of the time. */
const NODE_MS_MAX = 2_000;

/** A node as it described itself, or as another one knows it when it cannot be asked. */
export interface NodeStatus {
  /** `HOST:PORT`. */
  readonly address: string;
  /** Id in CLUSTER's words. */
  readonly name: string;
  /** Null: it did not answer. */
  readonly info: NodeInfo | null;
  /** Why it did not answer; empty when it did. */
  readonly failure: string;
}

/** Fields of `INFO kvorum` and around it. */
export interface NodeInfo {
  readonly nodeId: number;
  readonly role: string;
  readonly leaderId: number;
  readonly voters: number;
  readonly members: number;
  readonly term: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly snapshotIndex: number;
  readonly clusterId: string;
  readonly version: string;
  readonly usedBytes: number;
  readonly keys: number;
}

/** The nodes of a cluster, by node id; those that did not answer at the end. */
export interface ClusterStatus {
  readonly nodes: readonly NodeStatus[];
}

/**
 * Asks one node for all others, then each of them.
 *
 * @throws DbError when that first node cannot be asked.
 */
export async function readClusterStatus(first: ClientAddress): Promise<ClusterStatus> {
  const client = await RespClient.connect(first);
  try {
    const places = placesOf(await client.call("CLUSTER", "SHARDS"));
    const own = await readInfo(client);
    const self = textOf(await client.call("CLUSTER", "MYID"));
    const nodes = await Promise.all(
      places.map(async ({ address, host, port, name }): Promise<NodeStatus> => {
        if (name === self) return { address, name, info: own, failure: "" };
        return askNode({ ...first, host, port }, address, name);
      }),
    );
    const known = nodes.some((node) => node.name === self);
    const address = `${first.host}:${first.port}`;
    if (!known) nodes.push({ address, name: self, info: own, failure: "" });
    return { nodes: nodes.toSorted((left, right) => rankOf(left) - rankOf(right)) };
  } finally {
    client.close();
  }
}

/** `INFO` of one node. */
export async function readInfo(client: RespClient): Promise<NodeInfo> {
  const reply = await client.call("INFO", "server", "memory", "keyspace", "kvorum");
  if (reply.kind === "error") throw new DbError("NO_STATUS", reply.text);
  const fields = new Map<string, string>();
  for (const line of textOf(reply).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  if (!fields.has("node_id")) {
    throw new DbError("NO_STATUS", "this is no Kvorum server: INFO has no section kvorum");
  }
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  let keys = 0;
  for (const [name, value] of fields) {
    if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0);
  }
  return {
    nodeId: number("node_id"),
    role: fields.get("role") ?? "",
    leaderId: number("leader_id"),
    voters: number("voters"),
    members: number("members"),
    term: number("term"),
    lastIndex: number("last_index"),
    commitIndex: number("commit_index"),
    appliedIndex: number("applied_index"),
    snapshotIndex: number("snapshot_index"),
    clusterId: fields.get("cluster_id") ?? "",
    version: fields.get("kvorum_version") ?? "",
    usedBytes: number("used_memory"),
    keys,
  };
}

async function askNode(address: ClientAddress, shown: string, name: string): Promise<NodeStatus> {
  try {
    const info = await within(NODE_MS_MAX, ask(address));
    return { address: shown, name, info, failure: "" };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { address: shown, name, info: null, failure };
  }
}

async function ask(address: ClientAddress): Promise<NodeInfo> {
  const client = await RespClient.connect(address);
  try {
    return await readInfo(client);
  } finally {
    client.close();
  }
}

function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function rankOf({ info }: NodeStatus): number {
  return info?.nodeId ?? Number.MAX_SAFE_INTEGER;
}

interface Place {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

/** The nodes in a reply to CLUSTER SHARDS. */
function placesOf(reply: ReplyValue): Place[] {
  const places = new Map<string, Place>();
  for (const shard of itemsOf(reply)) {
    for (const node of itemsOf(fieldOf(shard, "nodes"))) {
      const host = textOf(fieldOf(node, "endpoint"));
      const port = Number(textOf(fieldOf(node, "port")));
      const name = textOf(fieldOf(node, "id"));
      places.set(name, { address: `${host}:${port}`, host, port, name });
    }
  }
  return [...places.values()];
}

function itemsOf(reply: ReplyValue | undefined): readonly ReplyValue[] {
  return reply !== undefined && "items" in reply ? reply.items : [];
}

/** A field of a map, or of an array of names and values. */
function fieldOf(reply: ReplyValue, name: string): ReplyValue | undefined {
  const items = itemsOf(reply);
  for (let at = 0; at + 1 < items.length; at += 2)
    if (textOf(items[at]) === name) return items[at + 1];
  return undefined;
}

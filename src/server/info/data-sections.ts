// INFO's sections on data and its copies: persistence, stats, replication, cluster, keyspace,
// kvorum.
import type { MemberView } from "../node-view.ts";
import type { RespServer } from "../resp-server.ts";
import { flag, type InfoField, type InfoSection } from "./section.ts";

const NO_ID = "0".repeat(40);

function persistenceFields({ node }: RespServer): InfoField[] {
  const log = node.log();
  const snapshots = node.snapshots();
  const seconds = (ms: number): number => (ms < 0 ? -1 : Math.ceil(ms / 1000));
  return [
    ["loading", 0],
    ["async_loading", 0],
    ["rdb_changes_since_last_save", log.changesSinceSnapshot],
    ["rdb_bgsave_in_progress", flag(snapshots.running)],
    ["rdb_last_save_time", Math.floor(snapshots.lastAtMs / 1000)],
    ["rdb_last_bgsave_status", snapshots.lastOk ? "ok" : "err"],
    ["rdb_last_bgsave_time_sec", seconds(snapshots.lastDurationMs)],
    ["rdb_current_bgsave_time_sec", snapshots.running ? seconds(snapshots.runningMs) : -1],
    ["rdb_saves", snapshots.count],
    ["aof_enabled", 1],
    ["aof_rewrite_in_progress", 0],
    ["aof_rewrite_scheduled", 0],
    ["aof_last_write_status", log.healthy ? "ok" : "err"],
    ["aof_current_size", log.bytes],
  ];
}

function statsFields(server: RespServer): InfoField[] {
  const { stats, writer } = server;
  const { rates } = server.cron;
  const keyspace = server.node.keyspace();
  const kilobits = (bytes: number): string => (bytes / 1024).toFixed(2);
  return [
    ["total_connections_received", stats.connectionsReceived],
    ["total_commands_processed", server.commandsProcessed()],
    ["instantaneous_ops_per_sec", rates.commandsPerSecond],
    ["total_net_input_bytes", stats.inputBytes],
    ["total_net_output_bytes", stats.outputBytes],
    ["instantaneous_input_kbps", kilobits(rates.inputBytesPerSecond)],
    ["instantaneous_output_kbps", kilobits(rates.outputBytesPerSecond)],
    ["rejected_connections", stats.connectionsRejected],
    ["expired_keys", keyspace.expiredKeys],
    ["evicted_keys", keyspace.evictedKeys],
    ["evicted_clients", 0],
    ["keyspace_hits", keyspace.hits],
    ["keyspace_misses", keyspace.misses],
    ["pubsub_channels", 0],
    ["pubsub_patterns", 0],
    ["latest_fork_usec", 0],
    ["total_forks", 0],
    ["unexpected_error_replies", 0],
    ["total_error_replies", writer.errors],
  ];
}

function replicationFields(server: RespServer): InfoField[] {
  const { node } = server;
  const offset = node.progress().commitIndex;
  const fields: InfoField[] =
    node.role() === "leader" ? leaderFields(node.members()) : followerFields(node.members());
  return [
    ...fields,
    ["master_failover_state", "no-failover"],
    ["master_replid", node.identity.clusterId],
    ["master_replid2", NO_ID],
    ["master_repl_offset", offset],
    ["second_repl_offset", -1],
    ["repl_backlog_active", 1],
    ["repl_backlog_size", node.log().bytes],
  ];
}

function leaderFields(members: readonly MemberView[]): InfoField[] {
  const replicas = members.filter((member) => !member.isSelf && member.online);
  const lines = replicas.map((replica, place): InfoField => {
    const lag = Math.max(0, Math.round(replica.silentMs / 1000));
    const address = `ip=${replica.host},port=${replica.port}`;
    return [
      `slave${place}`,
      `${address},state=online,offset=${Math.max(0, replica.matchIndex)},lag=${lag}`,
    ];
  });
  return [["role", "master"], ["connected_slaves", replicas.length], ...lines];
}

function followerFields(members: readonly MemberView[]): InfoField[] {
  const leader = members.find((member) => member.isLeader);
  return [
    ["role", "slave"],
    ["master_host", leader?.host ?? ""],
    ["master_port", leader?.port ?? 0],
    ["master_link_status", leader?.online === true ? "up" : "down"],
    ["master_last_io_seconds_ago", leader ? Math.floor(leader.silentMs / 1000) : -1],
    ["master_sync_in_progress", 0],
    ["slave_read_only", 0],
    ["slave_priority", 100],
    ["connected_slaves", 0],
  ];
}

function clusterFields({ node }: RespServer): InfoField[] {
  return [["cluster_enabled", flag(node.identity.announcesCluster)]];
}

function keyspaceFields({ node }: RespServer): InfoField[] {
  const fields: InfoField[] = [];
  node.keyspace().databases.forEach(({ keys, expires, averageTtlMs }, database) => {
    if (keys === 0) return;
    fields.push([`db${database}`, `keys=${keys},expires=${expires},avg_ttl=${averageTtlMs}`]);
  });
  return fields;
}

function kvorumFields({ node }: RespServer): InfoField[] {
  const progress = node.progress();
  const log = node.log();
  const snapshots = node.snapshots();
  const members = node.members();
  return [
    ["node_id", node.identity.nodeId],
    ["node_name", node.identity.name],
    ["cluster_id", node.identity.clusterId],
    ["role", node.role()],
    ["leader_id", members.find((member) => member.isLeader)?.nodeId ?? 0],
    ["members", members.length],
    ["voters", members.filter((member) => member.isVoter).length],
    ["members_online", members.filter((member) => member.online).length],
    ["term", progress.term],
    ["last_index", progress.lastIndex],
    ["commit_index", progress.commitIndex],
    ["applied_index", progress.appliedIndex],
    ["snapshot_index", progress.snapshotIndex],
    ["snapshot_bytes", snapshots.lastBytes],
    ["lease_ms", Math.max(0, Math.round(progress.leaseMs))],
    ["fsync", node.settings.fsync],
    ["log_bytes", log.bytes],
    ["log_segments", log.segments],
    ["log_writes", log.writes],
    ["log_written_bytes", log.writtenBytes],
    ["event_loop_stall_ms_max", node.process().eventLoopStallMsMax.toFixed(1)],
  ];
}

/** Sections on data that stand before the processor's. */
export const dataSections: readonly InfoSection[] = [
  { name: "persistence", title: "Persistence", fields: persistenceFields },
  { name: "stats", title: "Stats", fields: statsFields },
  { name: "replication", title: "Replication", fields: replicationFields },
];

/** The last sections. */
export const clusterSections: readonly InfoSection[] = [
  { name: "cluster", title: "Cluster", fields: clusterFields },
  { name: "keyspace", title: "Keyspace", fields: keyspaceFields },
  { name: "kvorum", title: "Kvorum", fields: kvorumFields },
];

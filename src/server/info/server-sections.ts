// INFO's sections on the process and its clients: server, clients, memory, cpu, modules.
import type { RespServer } from "../resp-server.ts";
import { humanBytes, type InfoField, type InfoSection, ratio, SPOKEN_VERSION } from "./section.ts";

const DAY_SECONDS = 86_400;

function serverFields(server: RespServer): InfoField[] {
  const { identity } = server.node;
  const wallMs = server.nowMs();
  const uptime = Math.floor((server.clock.monotonicMs() - server.startedMs) / 1000);
  return [
    ["redis_version", SPOKEN_VERSION],
    ["redis_git_sha1", "00000000"],
    ["redis_git_dirty", 0],
    ["redis_build_id", "0"],
    ["redis_mode", identity.announcesCluster ? "cluster" : "standalone"],
    ["server_name", "kvorum"],
    ["kvorum_version", identity.version],
    ["os", identity.os],
    ["arch_bits", 64],
    ["runtime", identity.runtime],
    ["multiplexing_api", "libuv"],
    ["process_id", identity.processId],
    ["process_supervised", "no"],
    ["run_id", identity.runId],
    ["tcp_port", identity.port],
    ["server_time_usec", Math.floor(wallMs * 1000)],
    ["uptime_in_seconds", uptime],
    ["uptime_in_days", Math.floor(uptime / DAY_SECONDS)],
    ["hz", 1],
    ["configured_hz", 1],
    ["executable", identity.executable],
    ["config_file", identity.configFile],
    ["io_threads_active", 0],
  ];
}

function clientFields(server: RespServer): InfoField[] {
  let queryMax = 0;
  let unsentMax = 0;
  for (const session of server.sessions.values()) {
    queryMax = Math.max(queryMax, session.queryBufferBytes);
    unsentMax = Math.max(unsentMax, session.connection.bufferedBytes);
  }
  return [
    ["connected_clients", server.sessions.size],
    ["cluster_connections", Math.max(0, server.node.members().length - 1)],
    ["maxclients", server.options.clientsMax],
    ["client_recent_max_input_buffer", queryMax],
    ["client_recent_max_output_buffer", unsentMax],
    ["blocked_clients", 0],
    ["tracking_clients", 0],
    ["clients_in_timeout_table", 0],
    ["kvorum_pending_bytes", server.backend.pendingBytes],
  ];
}

function memoryFields(server: RespServer): InfoField[] {
  const { node } = server;
  const keyspace = node.keyspace();
  const process = node.process();
  // All that is allocated, as Redis counts it: V8's heap and every buffer, those of the keyspace
  // included, but not the ends of its segments, which have no memory yet.
  const used = process.heapTotalBytes + process.externalBytes - keyspace.untouchedBytes;
  const overhead = used - keyspace.liveBytes;
  const maximum = node.settings.maxMemoryBytes;
  return [
    ["used_memory", used],
    ["used_memory_human", humanBytes(used)],
    ["used_memory_rss", process.rssBytes],
    ["used_memory_rss_human", humanBytes(process.rssBytes)],
    ["used_memory_peak", process.rssPeakBytes],
    ["used_memory_peak_human", humanBytes(process.rssPeakBytes)],
    ["used_memory_peak_perc", `${ratio(used * 100, process.rssPeakBytes)}%`],
    ["used_memory_overhead", overhead],
    ["used_memory_startup", 0],
    ["used_memory_dataset", keyspace.liveBytes],
    ["used_memory_dataset_perc", `${ratio(keyspace.liveBytes * 100, used)}%`],
    ["total_system_memory", process.systemBytes],
    ["total_system_memory_human", humanBytes(process.systemBytes)],
    ["maxmemory", maximum],
    ["maxmemory_human", humanBytes(maximum)],
    ["maxmemory_policy", "noeviction"],
    ["mem_fragmentation_ratio", ratio(process.rssBytes, used)],
    ["mem_fragmentation_bytes", Math.max(0, process.rssBytes - used)],
    ["mem_allocator", "v8"],
    ["active_defrag_running", 0],
    ["lazyfree_pending_objects", 0],
    ["kvorum_reserved_bytes", keyspace.reservedBytes],
    ["kvorum_dead_bytes", keyspace.deadBytes],
    ["kvorum_heap_used_bytes", process.heapUsedBytes],
    ["kvorum_heap_total_bytes", process.heapTotalBytes],
    ["kvorum_external_bytes", process.externalBytes],
  ];
}

function cpuFields(server: RespServer): InfoField[] {
  const process = server.node.process();
  return [
    ["used_cpu_sys", process.cpuSystemSeconds.toFixed(6)],
    ["used_cpu_user", process.cpuUserSeconds.toFixed(6)],
    ["used_cpu_sys_children", "0.000000"],
    ["used_cpu_user_children", "0.000000"],
  ];
}

/** Sections that stand before those on data. */
export const serverSections: readonly InfoSection[] = [
  { name: "server", title: "Server", fields: serverFields },
  { name: "clients", title: "Clients", fields: clientFields },
  { name: "memory", title: "Memory", fields: memoryFields },
];

/** The processor's section and the one that is always empty. */
export const cpuSections: readonly InfoSection[] = [
  { name: "cpu", title: "CPU", fields: cpuFields },
  { name: "modules", title: "Modules", fields: () => [] },
];

// The rules that every run is held to, by the names that reports use.

/** Looked at after each event (the first ones), now and then, or at the end of a run. */
export const INVARIANTS = [
  "one leader in a term",
  "a leader has all that is committed",
  "committed entries never change",
  "term never falls",
  "commit never falls",
  "commit lies within the log",
  "what is committed is on the disks of a quorum",
  "only what is committed is applied",
  "applied never falls",
  "shard time never falls",
  "one lease at a time",
  "no gap between snapshot and log",
  "what was persisted is there after a restart",
  "memory is bounded",
  "disk is bounded",
  "equal logs make equal states",
  "a server ends for a reason",
  "damage is named",
  "engines hold together",
  "a healed quorum serves",
  "strings are linearizable",
  "expiring strings are linearizable",
  "transactions are strictly serializable",
  "counters count exactly once",
  "a connection's commands keep their order",
  "transfers keep the sum",
  "scans find what is there",
  "each command is answered once",
] as const;

/** Name of a rule. */
export type InvariantName = (typeof INVARIANTS)[number];

// Numbers of data commands in log entries: the one list. A number is never changed and never used
// again.

/** Id of each data command, as written into log entries; see `docs/internals/entry-format.md`. */
export const CommandId = {
  get: 1,
  set: 2,
  getset: 3,
  getdel: 4,
  getex: 5,
  setnx: 6,
  setex: 7,
  psetex: 8,
  mget: 9,
  mset: 10,
  msetnx: 11,
  incr: 12,
  decr: 13,
  incrby: 14,
  decrby: 15,
  incrbyfloat: 16,
  append: 17,
  strlen: 18,
  getrange: 19,
  setrange: 20,
  substr: 21,

  del: 101,
  unlink: 102,
  exists: 103,
  touch: 104,
  type: 105,
  expire: 106,
  pexpire: 107,
  expireat: 108,
  pexpireat: 109,
  ttl: 110,
  pttl: 111,
  expiretime: 112,
  pexpiretime: 113,
  persist: 114,
  rename: 115,
  renamenx: 116,
  copy: 117,
  move: 118,
  swapdb: 119,
  keys: 120,
  scan: 121,
  randomkey: 122,
  dbsize: 123,
  flushdb: 124,
  flushall: 125,

  /** A whole MULTI/EXEC as one operation, see `transaction.ts`. */
  exec: 201,
  /** Versions of keys, the read behind WATCH, see `watch-versions.ts`. */
  watchVersions: 202,
  /** A reply that was made before the transaction ran, see `transaction.ts`. */
  rawReply: 203,
  /** Removal of keys that are expired, see `expire-keys.ts`. */
  expireKeys: 204,
} as const;

// The line on one client in CLIENT LIST and CLIENT INFO, with the fields of Redis 7.2.
import type { Session } from "../session.ts";

/** A session's own state and objects, roughly, in bytes. */
const SESSION_BYTES = 2048;

/** The line on a session, without a line end. */
export function clientLine(session: Session): string {
  const { server, state, connection } = session;
  const nowMs = server.clock.monotonicMs();
  const queryBytes = session.queryBufferBytes;
  const unsentBytes = connection.bufferedBytes;
  const queued = state.transaction;
  const queuedBytes = queued === null ? 0 : queued.operations.length;
  const totalBytes = SESSION_BYTES + queryBytes + unsentBytes + queuedBytes;
  const fields = [
    `id=${session.id}`,
    `addr=${connection.remote}`,
    `laddr=${connection.local}`,
    "fd=-1",
    `name=${state.name}`,
    `age=${seconds(nowMs - state.createdMs)}`,
    `idle=${seconds(nowMs - state.lastInteractionMs)}`,
    `flags=${flagsOf(session)}`,
    `db=${state.database}`,
    "sub=0 psub=0 ssub=0",
    `multi=${queued === null ? -1 : queued.starts.length}`,
    `qbuf=${queryBytes}`,
    "qbuf-free=0 argv-mem=0",
    `multi-mem=${queuedBytes}`,
    "rbs=0 rbp=0 obl=0 oll=0",
    `omem=${unsentBytes}`,
    `tot-mem=${totalBytes}`,
    `events=${unsentBytes > 0 ? "rw" : "r"}`,
    `cmd=${session.lastEntry?.name ?? "NULL"}`,
    `user=${state.authenticated ? state.user : "(none)"}`,
    "redir=-1",
    `resp=${session.protocol}`,
    `lib-name=${state.libraryName}`,
    `lib-ver=${state.libraryVersion}`,
  ];
  return fields.join(" ");
}

function seconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}

/** `N` for a client about which there is nothing special, as in Redis. */
function flagsOf({ state }: Session): string {
  let flags = "";
  if (state.transaction !== null) flags += "x";
  if (state.noEvict) flags += "e";
  if (state.noTouch) flags += "T";
  return flags === "" ? "N" : flags;
}

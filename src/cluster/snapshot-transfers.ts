// Whole states on their way between nodes: the leader streams, a follower stores, checks, loads and
// installs.
import { failpoints } from "../base/failpoints.ts";
import type { Clock } from "../platform/clock.ts";
import { MessageType, type SnapshotMark, type SnapshotRequest } from "../raft/types.ts";
import type { Applier } from "../replica/applier.ts";
import type { Replica } from "../replica/replica.ts";
import { SectionParser } from "../replica/snapshot-file.ts";
import type { SnapshotFile, SnapshotStore, SnapshotWriter } from "../replica/snapshot-store.ts";
import type { SnapshotStream } from "../replica/snapshot-stream.ts";
import { SnapshotInstaller } from "../replica/snapshots.ts";
import { SnapshotOutcome } from "../transport/generated/messages.ts";
import type { SnapshotChunk, SnapshotStatus } from "../transport/peer-message.ts";

/** Chunks that may be on their way without the receiver's word. */
const WINDOW_CHUNKS = 4;
/** Bytes of one chunk. */
const CHUNK_BYTES = 256 * 1024;
/** A transfer on which nothing moved for so long is given up. */
const STALL_MS_MAX = 30_000;

/** What transfers need of their node. */
export interface TransfersOwner {
  readonly replica: Replica;
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly nodeId: number;
  /** A stream of the present state. */
  stream(): SnapshotStream;
  newApplier(): Applier;
  send(to: number, message: SnapshotChunk | SnapshotStatus): boolean;
  /** Takes a snapshot that was received into the log's marks. */
  adopt(file: SnapshotFile): Promise<void>;
  wantTurn(): void;
  report(level: "info" | "warn", message: string, facts: Record<string, string | number>): void;
}

interface Sending {
  readonly to: number;
  readonly id: number;
  readonly stream: SnapshotStream;
  readonly startedMs: number;
  /** What is left of the stream's last piece. */
  rest: Uint8Array | null;
  sequence: number;
  taken: number;
  ended: boolean;
  movedMs: number;
}

interface Receiving {
  readonly from: number;
  readonly id: number;
  readonly term: number;
  readonly mark: SnapshotMark;
  readonly parser: SectionParser;
  readonly writer: Promise<SnapshotWriter>;
  /** The work on the chunks so far, one after the other. */
  work: Promise<void>;
  sequence: number;
  movedMs: number;
  failed: boolean;
}

/** Transfers of one replica: any number out, one in. */
export class SnapshotTransfers {
  readonly #owner: TransfersOwner;
  readonly #sending = new Map<number, Sending>();
  #receiving: Receiving | null = null;
  /** A state that is loaded and waits for the core to ask for it. */
  #loaded: { readonly file: SnapshotFile; readonly applier: Applier } | null = null;
  #nextId = 1;

  constructor(owner: TransfersOwner) {
    this.#owner = owner;
  }

  // ---- sending

  /** A follower needs what the log no longer has. */
  start(request: SnapshotRequest): void {
    if (this.#sending.has(request.to)) return;
    const owner = this.#owner;
    const nowMs = owner.clock.monotonicMs();
    const sending: Sending = {
      to: request.to,
      id: this.#nextId++,
      stream: owner.stream(),
      startedMs: nowMs,
      rest: null,
      sequence: 0,
      taken: 0,
      ended: false,
      movedMs: nowMs,
    };
    this.#sending.set(request.to, sending);
    const { index } = sending.stream.meta;
    owner.replica.raft.snapshotSending(request.to, index);
    failpoints.reached?.("send.begun");
    owner.report("info", "sending a snapshot", { to: request.to, index });
    this.#pump(sending);
  }

  /** The receiver's word: more may be sent, or the transfer has ended. */
  onStatus(from: number, status: SnapshotStatus): void {
    const sending = this.#sending.get(from);
    if (sending === undefined || sending.id !== status.stream) return;
    sending.movedMs = this.#owner.clock.monotonicMs();
    sending.taken = status.chunksTaken;
    if (status.outcome === SnapshotOutcome.receiving) this.#pump(sending);
    else this.#endSending(sending, status.outcome === SnapshotOutcome.installed, status.detail);
  }

  onWritable(id: number): void {
    const sending = this.#sending.get(id);
    if (sending !== undefined) this.#pump(sending);
  }

  /** The connection to a peer is gone: what was on its way is lost. */
  onPeerDown(id: number): void {
    const sending = this.#sending.get(id);
    if (sending !== undefined) this.#endSending(sending, false, "connection lost");
  }

  /** Gives up what does not move. */
  tick(): void {
    const nowMs = this.#owner.clock.monotonicMs();
    for (const sending of this.#sending.values()) {
      if (nowMs - sending.movedMs > STALL_MS_MAX) this.#endSending(sending, false, "stalled");
      else this.#pump(sending);
    }
    const receiving = this.#receiving;
    if (receiving !== null && nowMs - receiving.movedMs > STALL_MS_MAX) {
      this.#failReceiving(receiving, "stalled");
    }
  }

  #pump(sending: Sending): void {
    while (!sending.ended && sending.sequence - sending.taken < WINDOW_CHUNKS) {
      sending.rest ??= sending.stream.next();
      const piece = sending.rest;
      const { meta } = sending.stream;
      const chunk: SnapshotChunk = {
        kind: "snapshotChunk",
        shard: meta.shard,
        stream: sending.id,
        sequence: sending.sequence,
        term: this.#owner.replica.raft.term,
        last: piece === null,
        mark:
          sending.sequence === 0 ? { index: meta.index, term: meta.term, conf: meta.conf } : null,
        totalBytes: 0,
        data: piece === null ? new Uint8Array(0) : piece.subarray(0, CHUNK_BYTES),
      };
      if (!this.#owner.send(sending.to, chunk)) return;
      failpoints.reached?.("send.piece.sent");
      sending.sequence++;
      sending.ended = piece === null;
      sending.rest =
        piece !== null && piece.length > CHUNK_BYTES ? piece.subarray(CHUNK_BYTES) : null;
    }
  }

  #endSending(sending: Sending, ok: boolean, detail: string): void {
    failpoints.reached?.("send.ended");
    this.#sending.delete(sending.to);
    sending.stream.release();
    this.#owner.replica.raft.reportSnapshot(sending.to, ok);
    const ms = Math.round(this.#owner.clock.monotonicMs() - sending.startedMs);
    const facts = { to: sending.to, index: sending.stream.meta.index, ms, detail };
    this.#owner.report(ok ? "info" : "warn", ok ? "snapshot sent" : "snapshot not sent", facts);
    this.#owner.wantTurn();
  }

  // ---- receiving

  /** The next part of a snapshot; its bytes are good only during the call. */
  onChunk(from: number, chunk: SnapshotChunk): void {
    if (chunk.sequence === 0 && chunk.mark !== null) this.#begin(from, chunk, chunk.mark);
    const receiving = this.#receiving;
    if (receiving === null || receiving.from !== from || receiving.id !== chunk.stream) return;
    if (receiving.sequence !== chunk.sequence) {
      this.#failReceiving(receiving, "chunks out of order");
      return;
    }
    receiving.sequence++;
    receiving.movedMs = this.#owner.clock.monotonicMs();
    const data = new Uint8Array(chunk.data);
    const { sequence } = receiving;
    receiving.work = receiving.work
      .then(() => this.#take(receiving, data, sequence, chunk.last))
      .catch((error: unknown) => this.#failReceiving(receiving, String(error)));
  }

  #begin(from: number, chunk: SnapshotChunk, mark: SnapshotMark): void {
    if (this.#receiving !== null) this.#failReceiving(this.#receiving, "a newer one begins");
    this.#receiving = {
      from,
      id: chunk.stream,
      term: chunk.term,
      mark,
      parser: new SectionParser({ onSection: () => {} }),
      writer: this.#owner.store.receive(mark.index, mark.term),
      work: Promise.resolve(),
      sequence: 0,
      movedMs: this.#owner.clock.monotonicMs(),
      failed: false,
    };
    this.#owner.report("info", "receiving a snapshot", { from, index: mark.index });
    failpoints.reached?.("install.begun");
  }

  async #take(
    receiving: Receiving,
    data: Uint8Array,
    sequence: number,
    last: boolean,
  ): Promise<void> {
    if (receiving.failed) return;
    receiving.parser.add(data);
    const writer = await receiving.writer;
    await writer.write(data);
    failpoints.reached?.("install.piece.written");
    if (!last) {
      this.#tell(receiving, sequence, SnapshotOutcome.receiving, "");
      return;
    }
    if (!receiving.parser.complete) throw new Error("the stream ended early");
    const file = await writer.finish();
    failpoints.reached?.("install.file.complete");
    const applier = this.#owner.newApplier();
    const installer = new SnapshotInstaller(applier);
    await this.#owner.store.read(file, installer);
    failpoints.reached?.("install.file.checked");
    if (receiving.failed) return;
    this.#loaded = { file, applier };
    this.#receiving = null;
    this.#stepSnapshot(receiving);
    failpoints.reached?.("install.coreTold");
    this.#tell(receiving, sequence, SnapshotOutcome.installed, "");
  }

  /**
   * Tells the core that the state is here: it asks for the installation, or refuses what is old.
   */
  #stepSnapshot(receiving: Receiving): void {
    this.#owner.replica.onMessage({
      type: MessageType.snapshot,
      from: receiving.from,
      to: this.#owner.nodeId,
      term: receiving.term,
      logTerm: 0,
      index: 0,
      commit: 0,
      entries: [],
      reject: false,
      rejectHint: 0,
      rejectHintTerm: 0,
      context: 0,
      round: 0,
      snapshot: receiving.mark,
    });
    this.#owner.wantTurn();
  }

  /** The core wants this state installed: returns it, loaded. */
  install(mark: SnapshotMark): Applier | null {
    const loaded = this.#loaded;
    this.#loaded = null;
    if (loaded === null || loaded.file.index !== mark.index) return null;
    failpoints.reached?.("install.stateSwapped");
    this.#owner.adopt(loaded.file).catch((error: unknown) => {
      this.#owner.report("warn", "snapshot not adopted", { error: String(error) });
    });
    return loaded.applier;
  }

  #tell(receiving: Receiving, chunksTaken: number, outcome: number, detail: string): void {
    this.#owner.send(receiving.from, {
      kind: "snapshotStatus",
      shard: this.#owner.replica.options.shard,
      stream: receiving.id,
      chunksTaken,
      outcome,
      detail,
    });
  }

  #failReceiving(receiving: Receiving, detail: string): void {
    if (receiving.failed) return;
    failpoints.reached?.("install.failed");
    receiving.failed = true;
    if (this.#receiving === receiving) this.#receiving = null;
    this.#owner.report("warn", "snapshot not received", { from: receiving.from, detail });
    this.#tell(receiving, receiving.sequence, SnapshotOutcome.refused, detail);
    receiving.writer
      .then((writer) => writer.abandon())
      .catch((error: unknown) => {
        this.#owner.report("warn", "snapshot file not removed", { error: String(error) });
      });
  }
}

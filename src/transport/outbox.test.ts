// Goal: large messages leave in pieces, in order, only as fast as the socket takes them.
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import type { Connection } from "../platform/network.ts";
import { FrameReader } from "./frame-reader.ts";
import type { FrameFault } from "./frame.ts";
import { FrameType } from "./generated/messages.ts";
import { BULK_BODY_BYTES_MAX, PIECE_BYTES } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { PieceAssembler } from "./piece-assembler.ts";

/** Takes bytes only when told to. */
class StuckConnection implements Connection {
  readonly remote = "there:1";
  readonly local = "here:1";
  bufferedBytes = 0;
  written: Uint8Array[] = [];

  write(bytes: Uint8Array): boolean {
    this.bufferedBytes += bytes.length;
    this.written.push(bytes);
    return false;
  }

  drain(): void {
    this.bufferedBytes = 0;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

function put(outbox: Outbox, type: number, body: Uint8Array): void {
  const encoder = outbox.begin(body.length);
  encoder.buf.set(body, encoder.pos);
  encoder.pos += body.length;
  outbox.end(type);
}

/** What a receiver makes of the written bytes. */
function receive(written: readonly Uint8Array[]): { type: number; body: Uint8Array }[] {
  const received: { type: number; body: Uint8Array }[] = [];
  const pieces = new PieceAssembler(10_000_000);
  const reader = new FrameReader(BULK_BODY_BYTES_MAX, {
    onFrame(type, bytes, view, from, to) {
      if (type === FrameType.pieceFirst) expect(pieces.first(bytes, view, from, to)).toBeNull();
      else if (type === FrameType.pieceNext) expect(pieces.next(bytes, from, to)).toBeNull();
      else received.push({ type, body: new Uint8Array(bytes.subarray(from, to)) });
      if (pieces.isComplete) {
        received.push({ type: pieces.type, body: pieces.body });
        pieces.clear();
      }
      return true;
    },
  });
  const stream = Buffer.concat(written);
  expect(reader.push(stream, viewOf(stream), 0, stream.length)).toBeNull();
  return received;
}

/** The first bytes, as much as a report can bear. */
function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex", 0, 40);
}

function noise(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 0xff);
}

describe("outbox", () => {
  test("keeps the order of small and large messages", () => {
    const connection = new StuckConnection();
    const outbox = new Outbox(connection);
    const bodies = [10, 3 * PIECE_BYTES + 5, 20, PIECE_BYTES, PIECE_BYTES + 1, 30].map(noise);
    for (const [at, body] of bodies.entries()) put(outbox, at + 1, body);
    outbox.flush();
    for (let turn = 0; turn < 20; turn++) {
      connection.drain();
      outbox.pump();
    }
    expect(outbox.queuedBytes).toBe(connection.bufferedBytes);
    const received = receive(connection.written);
    expect(received.map((message) => message.type)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const [at, { body }] of received.entries()) {
      expect(Buffer.from(body).equals(bodies[at]!)).toBe(true);
    }
  });

  test("hands no more to a stuck socket than two pieces, and counts the rest", () => {
    const connection = new StuckConnection();
    const outbox = new Outbox(connection);
    put(outbox, 1, noise(5_000_000, 1));
    outbox.flush();
    outbox.pump();
    expect(connection.bufferedBytes).toBeLessThanOrEqual(2 * PIECE_BYTES + 100);
    expect(outbox.queuedBytes).toBeGreaterThanOrEqual(5_000_000);
    expect(outbox.queuedBytes).toBeLessThan(5_000_100);
  });

  test("lets pings pass between pieces", () => {
    const connection = new StuckConnection();
    const outbox = new Outbox(connection);
    const body = noise(2_000_000, 3);
    put(outbox, 1, body);
    outbox.flush();
    outbox.sendEmpty(FrameType.ping);
    outbox.flush();
    for (let turn = 0; turn < 10; turn++) {
      connection.drain();
      outbox.pump();
    }
    expect(receive(connection.written).map((frame) => frame.type)).toEqual([FrameType.ping, 1]);
  });

  test("has the golden bytes of a piece", () => {
    const connection = new StuckConnection();
    const outbox = new Outbox(connection);
    put(outbox, 5, new Uint8Array(PIECE_BYTES + 4097).fill(0xaa));
    outbox.flush();
    // Header and first piece leave in one write.
    const [first, nextHead, next] = connection.written;
    expect(hexOf(first!.subarray(0, 20))).toBe("08000400f2000000e063c45d0500000001100400");
    expect(first).toHaveLength(20 + PIECE_BYTES);
    expect(hexOf(nextHead!)).toBe("01100000f30000002ae93d6c");
    expect(next).toHaveLength(4097);
  });
});

describe("piece assembler", () => {
  test.each<{
    name: string;
    run: (pieces: PieceAssembler) => FrameFault | null;
    fault: FrameFault;
  }>([
    { name: "a next piece first", run: (pieces) => nextPiece(pieces, 1), fault: "unexpected" },
    {
      name: "a second message before the end of the first",
      run: (pieces) => firstPiece(pieces, 10, 5) ?? firstPiece(pieces, 10, 5),
      fault: "unexpected",
    },
    {
      name: "a message beyond the limit",
      run: (pieces) => firstPiece(pieces, 101, 5),
      fault: "oversized",
    },
    {
      name: "more than it said at once",
      run: (pieces) => firstPiece(pieces, 4, 5),
      fault: "malformed",
    },
    {
      name: "more than it said later",
      run: (pieces) => firstPiece(pieces, 10, 5) ?? nextPiece(pieces, 6),
      fault: "malformed",
    },
    {
      name: "no room for its prefix",
      run: (pieces) => pieces.first(new Uint8Array(7), viewOf(new Uint8Array(7)), 0, 7),
      fault: "malformed",
    },
  ])("refuses $name", ({ run, fault }) => {
    expect(run(new PieceAssembler(100))).toBe(fault);
  });
});

function firstPiece(pieces: PieceAssembler, length: number, bytes: number): FrameFault | null {
  const piece = new Uint8Array(8 + bytes);
  viewOf(piece).setUint32(4, length, true);
  return pieces.first(piece, viewOf(piece), 0, piece.length);
}

function nextPiece(pieces: PieceAssembler, bytes: number): FrameFault | null {
  return pieces.next(new Uint8Array(bytes), 0, bytes);
}

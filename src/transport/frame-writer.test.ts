// The end of a slab: whatever room is left there, a message that asked for its bytes fits.
import { describe, expect, test } from "vitest";
import { FrameWriter } from "./frame-writer.ts";
import { frameTypeOf, peerMessageBytesMax, writePeerMessage } from "./peer-codec.ts";
import type { PeerMessage } from "./peer-message.ts";
import { ProtoWriter } from "./proto-writer.ts";

const SLAB_BYTES = 64 * 1024;
const FRAME_HEADER_BYTES = 12;
/** More than any of the messages takes. */
const ROOM_MAX = 200;

const ADDRESS = { host: "n1", peerPort: 17_000, clientPort: 7_000, clusterPort: 0, httpPort: 0 };
const MESSAGES: readonly PeerMessage[] = [
  {
    kind: "nodeHeartbeat",
    nodeId: 1,
    incarnation: 2 ** 32 - 1,
    wallMs: 2 ** 41,
    memoryPressurePermille: 0,
    address: undefined,
    release: "",
  },
  { kind: "snapshotStatus", shard: 1, stream: 1, chunksTaken: 1, outcome: 0, detail: "" },
  {
    kind: "bootstrapReply",
    outcome: 0,
    bootstrapId: "b",
    candidate: 2 ** 52,
    clusterId: "",
    address: ADDRESS,
    detail: "",
  },
  { kind: "statusRequest", withShards: true },
];

/** Leaves exactly `room` bytes of the first slab. */
function fill(frames: FrameWriter, room: number): void {
  const bodyBytes = SLAB_BYTES - room - FRAME_HEADER_BYTES;
  const encoder = frames.begin(bodyBytes);
  encoder.pos += bodyBytes;
  frames.end(1);
}

describe("FrameWriter", () => {
  test.each(MESSAGES)("takes $kind wherever the slab ends", (message) => {
    const scratch = new ProtoWriter();
    for (let room = 0; room < ROOM_MAX; room++) {
      const frames = new FrameWriter();
      fill(frames, room);
      writePeerMessage(message, frames.begin(peerMessageBytesMax(message, scratch)));
      frames.end(frameTypeOf(message.kind));
      let bytes = 0;
      frames.flush((written) => (bytes += written.length));
      expect(bytes).toBe(SLAB_BYTES - room + FRAME_HEADER_BYTES + bodyOf(message).length);
    }
  });
});

function bodyOf(message: PeerMessage): Uint8Array {
  const writer = new ProtoWriter();
  writePeerMessage(message, writer);
  return writer.finish();
}

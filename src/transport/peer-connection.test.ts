// Goal: a connection is given up when there is no sign of life, and not while there is any.
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { nodeAuthenticator } from "../platform/node/node-authenticator.ts";
import type { Connection } from "../platform/network.ts";
import { SimWorld } from "../platform/simulated/sim-world.ts";
import { EventReporter, type TransportEvent } from "./event-reporter.ts";
import { FrameType } from "./generated/messages.ts";
import { transportLimits } from "./limits.ts";
import { PeerConnection, type ConnectionOwner } from "./peer-connection.ts";
import { identity, Side } from "./testing/handshakes.ts";
import { rawFrame } from "./testing/raw-peer.ts";

const TICKS = 5 * transportLimits.silentTicksMax;

/** A socket whose queue the test sets, and which counts as taken what is no longer in it. */
class SetConnection implements Connection {
  readonly remote = "there:1";
  readonly local = "here:1";
  bufferedBytes = 0;
  isDestroyed = false;
  written: Uint8Array[] = [];

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
}

/** The dialling side of an open connection; its acceptor has proved itself and is silent since. */
function openDialer(): { dialer: PeerConnection; socket: SetConnection; events: TransportEvent[] } {
  const { scheduler, random } = new SimWorld(1).host("here").start();
  const events: TransportEvent[] = [];
  const env = {
    scheduler,
    random,
    authenticator: nodeAuthenticator,
    reporter: new EventReporter((event) => void events.push(event), 10),
    limits: transportLimits,
    identity: () => identity(1),
    markDirty: (connection: PeerConnection) => connection.outbox.flush(),
  };
  const owner: ConnectionOwner = {
    admit: () => null,
    onOpen: () => {},
    onFrame: () => null,
    onDrain: () => {},
    onClosed: () => {},
  };
  const socket = new SetConnection();
  const purpose = { role: "dialer", link: "bulk", expectedNodeId: 2 } as const;
  const dialer = new PeerConnection(env, owner, socket, purpose);
  const acceptor = new Side({ role: "acceptor", identity: identity(2) });
  dialer.start();
  while (dialer.state === "handshake") {
    acceptor.hear(Buffer.concat(socket.written.splice(0)));
    hear(dialer, acceptor.take());
  }
  return { dialer, socket, events };
}

function hear(connection: PeerConnection, bytes: Uint8Array): void {
  connection.onData(bytes, viewOf(bytes), bytes.length);
}

describe("a connection's signs of life", () => {
  test.each<{
    name: string;
    isAlive: boolean;
    step: (dialer: PeerConnection, socket: SetConnection, tick: number) => void;
  }>([
    { name: "nothing at all", isAlive: false, step: () => {} },
    {
      name: "pongs",
      isAlive: true,
      step: (dialer) => hear(dialer, rawFrame(FrameType.pong, new Uint8Array(0))),
    },
    {
      name: "a full queue that shrinks",
      isAlive: true,
      step: (_dialer, socket, tick) => {
        socket.bufferedBytes = 1_000_000 - tick * 10_000;
      },
    },
    {
      name: "a full queue that is refilled as fast as it shrinks",
      isAlive: true,
      step: (dialer, socket) => {
        dialer.outbox.begin(1_000).pos += 1_000;
        dialer.outbox.end(FrameType.raftMessage);
        dialer.outbox.flush();
        socket.bufferedBytes = 500_000;
      },
    },
    {
      name: "a full queue that is stuck, pings included",
      isAlive: false,
      step: (_dialer, socket, tick) => {
        socket.bufferedBytes = 500_000 + tick * 12;
      },
    },
    {
      name: "a system that takes pings for a dead peer",
      isAlive: false,
      step: (_dialer, socket) => {
        socket.bufferedBytes = 0;
      },
    },
  ])("$name", ({ isAlive, step }) => {
    const { dialer, socket, events } = openDialer();
    expect(dialer.state).toBe("open");
    for (let tick = 1; tick <= TICKS; tick++) {
      step(dialer, socket, tick);
      dialer.tick();
    }
    expect(dialer.state).toBe(isAlive ? "open" : "closed");
    expect(socket.isDestroyed).toBe(!isAlive);
    expect(events.map((event) => event.kind)).toEqual(isAlive ? [] : ["silent"]);
  });
});

// When a leader gives way for its clock, and when peers' memory counts.
import { describe, expect, test } from "vitest";
import { Heartbeats, type HeartbeatFacts, type HeartbeatsOwner } from "./heartbeats.ts";

class Owner implements HeartbeatsOwner {
  nowMs = 1_000_000;
  readonly sent: HeartbeatFacts[] = [];
  readonly aside: number[] = [];
  readonly clock = { monotonicMs: () => this.nowMs, wallMs: () => this.nowMs };
  send(facts: HeartbeatFacts): void {
    this.sent.push(facts);
  }
  memoryPressurePermille(): number {
    return 12;
  }
  isLeader(): boolean {
    return true;
  }
  stepAside(offsetMs: number): void {
    this.aside.push(offsetMs);
  }
}

function setUp(offsets: readonly number[]): { owner: Owner; heartbeats: Heartbeats } {
  const owner = new Owner();
  const heartbeats = new Heartbeats(owner);
  offsets.forEach((offset, index) => {
    const facts = { wallMs: owner.nowMs + offset, memoryPressurePermille: 0 };
    heartbeats.onHeartbeat(index + 2, facts);
  });
  return { owner, heartbeats };
}

describe("Heartbeats", () => {
  test.each([
    { name: "all clocks agree", offsets: [3, -5], aside: [] },
    { name: "one peer is far off, we are not", offsets: [90_000, 10], aside: [] },
    { name: "we are behind both peers", offsets: [5_000, 5_200], aside: [5_000] },
    { name: "we are ahead of both peers", offsets: [-5_200, -5_000], aside: [-5_000] },
    { name: "of two clocks nobody knows which is off", offsets: [9_000], aside: [] },
  ])("a leader gives way for its own clock only: $name", ({ offsets, aside }) => {
    const { owner, heartbeats } = setUp(offsets);
    heartbeats.tick();
    expect(owner.aside).toEqual(aside);
  });

  test("are sent once a second", () => {
    const { owner, heartbeats } = setUp([]);
    for (let tick = 0; tick < 40; tick++) {
      heartbeats.tick();
      owner.nowMs += 50;
    }
    expect(owner.sent).toHaveLength(2);
  });

  test("of long ago do not count", () => {
    const { owner, heartbeats } = setUp([5_000, 5_000]);
    const facts = { wallMs: 0, memoryPressurePermille: 1001 };
    heartbeats.onHeartbeat(4, facts);
    expect(heartbeats.anyOverMemory()).toBe(true);
    owner.nowMs += 6_000;
    expect(heartbeats.anyOverMemory()).toBe(false);
    expect(heartbeats.clockOffsetMs()).toBe(0);
  });
});

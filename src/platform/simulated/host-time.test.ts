// Clocks that are wrong, change their minds, or stand still.
import { describe, expect, test } from "vitest";
import { SimWorld } from "./sim-world.ts";

function start(seed = 1) {
  const world = new SimWorld(seed);
  const host = world.host("a");
  const process = host.start();
  return { world, host, process, clock: process.clock, scheduler: process.scheduler };
}

describe("the clock of a host", () => {
  test("goes on from where it is when its rate changes", async () => {
    const { world, host, clock } = start();
    const startWallMs = clock.wallMs();
    await world.advance(1_000);
    host.clockRate = 2;
    expect(clock.monotonicMs()).toBe(1_000);
    await world.advance(1_000);
    expect(clock.monotonicMs()).toBe(3_000);
    host.clockRate = 0.5;
    expect(clock.monotonicMs()).toBe(3_000);
    await world.advance(1_000);
    expect(clock.monotonicMs()).toBe(3_500);
    expect(clock.wallMs() - startWallMs).toBe(3_500);
  });

  test("decides when a timer is due that was set before it became slower", async () => {
    const { world, host, scheduler, clock } = start();
    let firedMs = 0;
    scheduler.after(1_000, () => {
      firedMs = world.nowMs;
      expect(clock.monotonicMs()).toBeCloseTo(1_000, 6);
    });
    const never = scheduler.after(1_000, () => expect.unreachable());
    await world.advance(500);
    host.clockRate = 0.25;
    await world.advance(1_000);
    never.cancel();
    await world.advance(5_000);
    expect(firedMs).toBeCloseTo(2_500, 6);
  });

  test("may be wrong about the date, and jump", async () => {
    const { world, host, clock } = start();
    const before = clock.wallMs();
    host.wallSkewMs += 60_000;
    expect(clock.wallMs() - before).toBe(60_000);
    host.wallSkewMs -= 90_000;
    expect(clock.wallMs() - before).toBe(-30_000);
    expect(clock.monotonicMs()).toBe(0);
    await world.advance(10);
    expect(clock.wallMs() - before).toBe(-29_990);
  });

  test("strobes for a while and is as before afterwards", async () => {
    const { world, host, clock } = start();
    const errors = new Set<number>();
    host.strobeWall({ jumpMs: 500, everyMs: 3, forMs: 100 });
    for (let ms = 0; ms < 120; ms++) {
      errors.add(clock.wallMs() - world.clock.wallMs());
      await world.advance(1);
    }
    expect(errors).toEqual(new Set([0, 500]));
    expect(host.wallSkewMs).toBe(0);
    await world.runUntilIdle();
    expect(world.nowMs).toBeLessThanOrEqual(120);
  });

  test("goes on while its process is paused", async () => {
    const { world, process, clock } = start();
    process.pause();
    await world.advance(700);
    expect(clock.monotonicMs()).toBe(700);
  });
});

describe("a suspended machine", () => {
  test("runs nothing, and its monotonic clock stands still", async () => {
    const { world, host, scheduler, clock } = start();
    const calls: string[] = [];
    scheduler.after(100, () => calls.push(`timer ${clock.monotonicMs()} ${world.nowMs}`));
    const cancelled = scheduler.after(100, () => calls.push("cancelled"));
    await world.advance(60);
    const wallMs = clock.wallMs();
    host.suspend();
    host.suspend();
    await world.advance(10_000);
    expect(calls).toEqual([]);
    expect(clock.monotonicMs()).toBe(60);
    cancelled.cancel();
    host.resume();
    expect(clock.monotonicMs()).toBe(60);
    // The date is read from the hardware again.
    expect(clock.wallMs() - wallMs).toBe(10_000);
    await world.advance(39);
    expect(calls).toEqual([]);
    await world.advance(2);
    expect(calls).toEqual(["timer 100 10100"]);
  });

  test("can be paused as well, killed, and powered off", async () => {
    const { world, host, process, scheduler } = start();
    let calls = 0;
    scheduler.soon(() => calls++);
    host.suspend();
    process.pause();
    await world.advance(10);
    host.resume();
    await world.advance(10);
    expect(calls).toBe(0);
    process.resume();
    await world.advance(10);
    expect(calls).toBe(1);
    host.suspend();
    host.powerCut();
    const again = host.start();
    again.scheduler.soon(() => calls++);
    await world.advance(10);
    expect(calls).toBe(2);
    expect(again.clock.monotonicMs()).toBe(10);
  });
});

describe("a process that is busy", () => {
  test("hears nothing until it is done, and its clock is on", async () => {
    const { world, process, clock, scheduler } = start();
    const heard: string[] = [];
    const note = (what: string) => (): void => void heard.push(`${what} ${clock.monotonicMs()}`);
    scheduler.after(5, note("during"));
    scheduler.after(20, note("at the end"));
    process.stall(20);
    expect(clock.monotonicMs()).toBe(20);
    scheduler.after(5, note("after"));
    process.stall(10);
    await world.advance(29);
    expect(heard).toEqual([]);
    await world.runUntilIdle();
    expect(heard).toEqual(["during 30", "at the end 30", "after 30"]);
  });

  test("takes its work along when it dies", async () => {
    const { world, host, process, scheduler } = start();
    scheduler.after(5, () => expect.unreachable());
    process.stall(20);
    await world.advance(10);
    host.kill();
    await world.runUntilIdle();
    expect(host.start().isHolding).toBe(false);
  });
});

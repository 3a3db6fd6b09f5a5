// Settings are checked once, here.
import { describe, expect, test } from "vitest";
import { resolveRaftConfig } from "./raft-config.ts";

describe("resolveRaftConfig", () => {
  test("fills in defaults and freezes", () => {
    const config = resolveRaftConfig({ id: 3, heartbeatTicks: 1 });
    expect(config).toMatchObject({ id: 3, heartbeatTicks: 1, preVote: true, checkQuorum: true });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test.each([
    { id: 0 },
    { id: 1.5 },
    { id: 2 ** 53 },
    { id: 1, heartbeatTicks: 0 },
    { id: 1, heartbeatTicks: 10, electionTicks: 20 },
    { id: 1, inflightMessagesMax: 0 },
    { id: 1, inflightBytesMax: Number.NaN },
    { id: 1, entryBytesPerMessageMax: -1 },
    { id: 1, uncommittedBytesMax: 0.5 },
    { id: 1, applyingBytesMax: 0 },
  ])("refuses what makes no sense: %o", (given) => {
    expect(() => resolveRaftConfig(given)).toThrow(expect.objectContaining({ code: "BAD_CONFIG" }));
  });
});

import { expect, test, describe } from "vitest";
import { MemoryKeyspace } from "./memory-keyspace.ts";
import { SnapshotLoader } from "./snapshot-loader.ts";
import { Play } from "../testing/play.ts";

describe("play", () => {
  test.each([1, 2, 3])(
    "seed %i",
    (seed) => {
      const make = () => new MemoryKeyspace({ seed0: seed, seed1: 77 });
      const newLoader = () => {
        const keyspace = make();
        const loader = new SnapshotLoader(keyspace);
        return {
          keyspace,
          add: (c: Uint8Array) => loader.add(c),
          finish: () => {
            loader.finish();
          },
        };
      };
      const play = new Play({
        seed,
        steps: 20000,
        keyspace: make(),
        newLoader,
        keys: 300,
        valueBytesMax: 4000,
      });
      play.run();
      expect(play.snapshots).toBeGreaterThan(3);
    },
    60000,
  );
});

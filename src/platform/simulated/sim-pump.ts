// Runs events one by one and lets all promise callbacks finish in between, as cheaply as it can be.
import { afterPromises, inNextTurn, watchPromises } from "../node/node-scheduler.ts";

/** Steps after which the real loop gets a turn, so that timeouts of tests are heard. */
const STEPS_PER_TURN = 2_048;

/** Counts over all calls: many short ones give the loop its turns, too. */
let leftInTurn = STEPS_PER_TURN;

/**
 * Calls `step` again and again; after each call that made a promise or settled one, all promise
 * callbacks run first, those that they bring about included. So an `await` takes no virtual time.
 *
 * @param step Runs one event; false when there is nothing more to do.
 * @returns Rejects with what `step` throws.
 */
export function pump(step: () => boolean): Promise<void> {
  const watch = watchPromises();
  return new Promise((resolve, reject) => {
    let seen = -1;
    const go = (): void => {
      try {
        while (watch.activity === seen) {
          if (--leftInTurn === 0) {
            leftInTurn = STEPS_PER_TURN;
            seen = -1;
            inNextTurn(go);
            return;
          }
          if (!step()) {
            resolve();
            return;
          }
        }
        seen = watch.activity;
        afterPromises(go);
      } catch (error) {
        reject(error);
      }
    };
    go();
  });
}

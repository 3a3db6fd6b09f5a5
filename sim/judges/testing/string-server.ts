// A string key as a server would keep it, written apart from the judges' model, so that each checks
// the other: one true state, one clock.
import type { StringAction, StringReply } from "../string-actions.ts";

/** One key. Time is the shard's, in ms. */
export class StringServer {
  #value: string | undefined;
  #deadlineMs = Infinity;

  /** Runs a command at a shard time that never goes back. */
  run(action: StringAction, nowMs: number): StringReply {
    if (nowMs >= this.#deadlineMs) this.#remove();
    const old = this.#value ?? null;
    switch (action.name) {
      case "GET":
        return old;
      case "EXISTS":
        return Number(old !== null);
      case "STRLEN":
        return (old ?? "").length;
      case "GETDEL":
        this.#remove();
        return old;
      case "DEL":
        this.#remove();
        return Number(old !== null);
      case "GETSET":
        this.#store(action.value, Infinity);
        return old;
      case "APPEND":
        this.#value = (old ?? "") + action.value;
        return this.#value.length;
      case "INCRBY":
        this.#value = String(Number(old ?? 0) + action.delta);
        return Number(this.#value);
      case "compare-and-set":
        if (old !== action.expected) return null;
        this.#store(action.value, Infinity);
        return 1;
      case "SET": {
        if (action.onlyIf === (old === null ? "present" : "absent")) {
          return action.returnsOld ? old : null;
        }
        const { expiry } = action;
        if (expiry.kind === "none") this.#store(action.value, Infinity);
        if (expiry.kind === "keep") this.#value = action.value;
        if (expiry.kind === "after") this.#store(action.value, nowMs + expiry.ms);
        if (expiry.kind === "at") this.#store(action.value, expiry.ms);
        return action.returnsOld ? old : "OK";
      }
      case "PTTL":
        if (old === null) return -2;
        return this.#deadlineMs === Infinity ? -1 : this.#deadlineMs - nowMs;
      case "PEXPIRE":
        if (old !== null) this.#deadlineMs = nowMs + action.ms;
        return Number(old !== null);
      case "PERSIST": {
        const hasDeadline = this.#deadlineMs !== Infinity;
        this.#deadlineMs = Infinity;
        return Number(hasDeadline);
      }
    }
  }

  #store(value: string, deadlineMs: number): void {
    this.#value = value;
    this.#deadlineMs = deadlineMs;
  }

  #remove(): void {
    this.#value = undefined;
    this.#deadlineMs = Infinity;
  }
}

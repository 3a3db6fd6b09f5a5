// Why writes are refused, asked of the database once per batch of input.
import type { Backend } from "./backend.ts";

/** Remembers the database's answers for the present batch of input. */
export class WriteRefusal {
  readonly #backend: Backend;
  /** Undefined until the first write of the batch asks. */
  #any: string | null | undefined = undefined;
  #growing: string | null | undefined = undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** A new batch of input begins. */
  reset(): void {
    this.#any = undefined;
    this.#growing = undefined;
  }

  /** Null, or the error that refuses a write now. */
  of(growsMemory: boolean): string | null {
    if (growsMemory) {
      if (this.#growing === undefined) this.#growing = this.#backend.writeRefusal(true);
      return this.#growing;
    }
    if (this.#any === undefined) this.#any = this.#backend.writeRefusal(false);
    return this.#any;
  }
}

// What a configuration parameter is: its name and text, and how it is read and changed while the
// server runs.
import type { RespServer } from "../resp-server.ts";
import type { Read } from "./values.ts";

/** Takes a checked value into use; null, or why that failed. */
export type Change = () => string | null;

/** A parameter of CONFIG. */
export interface Parameter {
  readonly name: string;
  readonly summary: string;
  readonly get: (server: RespServer) => string;
  /**
   * Checks a text and makes the change, or says what is wrong with it, as one clause. Null: the
   * parameter is fixed while the server runs.
   */
  readonly prepare: ((server: RespServer, text: string) => Change | string) | null;
}

/**
 * A parameter that is only shown: set at start, or without meaning here and answered for clients
 * that ask.
 */
export function fixed(
  name: string,
  summary: string,
  value: string | ((server: RespServer) => string),
): Parameter {
  const get = typeof value === "string" ? () => value : value;
  return { name, summary, get, prepare: null };
}

/** A parameter that may be changed: `read` checks the text, `set` takes the value into use. */
export function live<T>(about: {
  readonly name: string;
  readonly summary: string;
  readonly get: (server: RespServer) => string;
  readonly read: (text: string, server: RespServer) => Read<T>;
  readonly set: (server: RespServer, value: T) => string | null;
}): Parameter {
  const { name, summary, get, read, set } = about;
  return {
    name,
    summary,
    get,
    prepare: (server, text) => {
      const result = read(text, server);
      if ("error" in result) return result.error;
      return () => set(server, result.value);
    },
  };
}

/**
 * A parameter that has one value only. Setting just that is accepted, so that tools which set what
 * they expect go on; anything else says why it cannot be.
 */
export function only(name: string, summary: string, value: string, why: string): Parameter {
  return {
    name,
    summary,
    get: () => value,
    prepare: (_server, text) => (text.toLowerCase() === value ? () => null : why),
  };
}

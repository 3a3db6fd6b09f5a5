// A section of INFO: its name and its lines, made when asked for.
import type { RespServer } from "../resp-server.ts";

/** The version of Redis whose replies we give, as HELLO and INFO say it to clients. */
export const SPOKEN_VERSION = "7.2.4";

/** Field and value, without separators. */
export type InfoField = readonly [name: string, value: string | number];

/** One section of INFO. */
export interface InfoSection {
  /** As asked for, lower case. */
  readonly name: string;
  /** As shown behind `# `. */
  readonly title: string;
  /** Shown only when asked for by name, or with ALL and EVERYTHING. */
  readonly onRequest?: boolean;
  readonly fields: (server: RespServer) => readonly InfoField[];
}

const UNITS = ["B", "K", "M", "G", "T", "P"];

/** Bytes as Redis shows them to people: `895.29K`. */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)}B` : `${value.toFixed(2)}${UNITS[unit]}`;
}

/** A ratio with two digits behind the point; `0.00` when there is nothing to divide by. */
export function ratio(part: number, whole: number): string {
  return whole > 0 ? (part / whole).toFixed(2) : "0.00";
}

/** `1` or `0`. */
export function flag(value: boolean): number {
  return value ? 1 : 0;
}

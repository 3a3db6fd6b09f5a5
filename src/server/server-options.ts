// Limits of the RESP port, with safe defaults; what of them can change is in config/.
import { defaultLimits, type RequestLimits } from "../resp/parser.ts";

/** Limits of the port. Sizes in bytes. */
export interface RespServerOptions {
  limits: RequestLimits;
  clientsMax: number;
  queryBufferBytesMax: number;
  outputBufferBytesMax: number;
  /** Bytes of open operations of all sessions above which sessions are paused. */
  pendingBytesMax: number;
  /** Milliseconds without a command after which a connection is closed; 0: never. */
  idleMsMax: number;
  /** Empty: no login needed. */
  password: string;
}

/** Safe defaults. */
export const defaultServerOptions: RespServerOptions = {
  limits: defaultLimits,
  clientsMax: 10_000,
  queryBufferBytesMax: 128 * 1024 * 1024,
  outputBufferBytesMax: 128 * 1024 * 1024,
  pendingBytesMax: 64 * 1024 * 1024,
  idleMsMax: 0,
  password: "",
};

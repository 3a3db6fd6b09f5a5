// HMAC-SHA256 and constant-time comparison from Node; pure functions, so the simulator uses them
// too.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Authenticator } from "../authenticator.ts";

/**
 * The one implementation of {@link Authenticator}: it has no state and takes no chance, so it
 * replays.
 */
export const nodeAuthenticator: Authenticator = {
  hmac(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
    const hmac = createHmac("sha256", key);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  },
  equal(left: Uint8Array, right: Uint8Array): boolean {
    return left.length === right.length && timingSafeEqual(left, right);
  },
};

// Proof of a shared secret as an argument.

/** Bytes of an HMAC-SHA256. */
export const MAC_BYTES = 32;

/** Keyed hashing for the handshake of peers. Stateless; one serves the whole process. */
export interface Authenticator {
  /** HMAC-SHA256 (RFC 2104) over the parts one after the other: {@link MAC_BYTES} bytes. */
  hmac(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array;
  /** Whether both hold the same bytes, in a time that does not tell where they differ. */
  equal(left: Uint8Array, right: Uint8Array): boolean;
}

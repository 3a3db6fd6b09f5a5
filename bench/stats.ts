// Small statistics over the rounds of one row: medians, quantiles, ratios of paired rounds.

/**
 * The value below which a share `q` of the values lies (nearest rank).
 *
 * @param values At least one number, in any order; not changed.
 * @param q Share from 0 to 1: 0.5 is the median's rank, 1 the maximum.
 * @throws RangeError for no values.
 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError("quantile of no values");
  const sorted = values.toSorted((left, right) => left - right);
  const rank = Math.max(0, Math.ceil(q * sorted.length) - 1);
  return sorted[Math.min(rank, sorted.length - 1)]!;
}

/** The middle value, or the mean of the two middle values. Throws RangeError for no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median of no values");
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Ratio of two series measured in interleaved rounds: the median of the ratios round by round.
 *
 * A machine that slows down for a while slows both halves of a round, so pairing removes most of
 * the drift that a ratio of two medians would keep. Rounds missing on either side are left out.
 *
 * @throws RangeError when there is no round that both sides have.
 */
export function pairedRatio(subject: readonly number[], peer: readonly number[]): number {
  return median(pairedRatios(subject, peer));
}

/** The ratios round by round; rounds that one side lacks are left out. */
export function pairedRatios(subject: readonly number[], peer: readonly number[]): number[] {
  const rounds = Math.min(subject.length, peer.length);
  return Array.from({ length: rounds }, (_, round) => subject[round]! / peer[round]!);
}

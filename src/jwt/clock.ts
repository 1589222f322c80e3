// The two clocks that JWTs need: one that claims are judged by, and one that never jumps.

export interface Clock {
  now: () => Date;
  /** Monotonic. */
  nowMs: () => number;
}

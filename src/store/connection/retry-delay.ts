// Computes how long to wait before a retry inside a call.

/** Grows with each attempt and is random, so that calls that failed together do not retry together. */
export function retryDelayMs(attempts: number): number {
  return attempts * (10 + Math.random() * 40);
}

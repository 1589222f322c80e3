// Randomness is passed in, so that tests can fix it.

/** Returns `size` unpredictable bytes. */
export type RandomBytes = (size: number) => Uint8Array;

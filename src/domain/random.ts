// Randomness as something that is passed in, so that tests can fix it.

/** Returns `size` fresh bytes that nobody can guess. */
export type RandomBytes = (size: number) => Uint8Array;

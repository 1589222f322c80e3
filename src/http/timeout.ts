// The longest deadline of a call.

/** In milliseconds; setTimeout fires at once for more than this. */
export const timeoutMsMax = 2 ** 31 - 1;

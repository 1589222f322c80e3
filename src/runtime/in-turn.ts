// Work that takes milliseconds of the event loop, such as signatures of hashes: one piece at a time, with room for all else in between.

let last: Promise<unknown> = Promise.resolve();

/** The result of `work`, which runs when earlier work is done and waiting input and output was handled. */
export function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
  const mine = last.then(nextTurn).then(work);
  last = mine.catch(() => {});
  return mine;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

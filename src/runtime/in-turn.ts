// Runs work that blocks the event loop for milliseconds, such as signatures of hashes, one piece at a time.

let last: Promise<unknown> = Promise.resolve();

/** Runs `work` after earlier work, and lets the event loop handle input and output in between. */
export function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
  const mine = last.then(nextTurn).then(work);
  last = mine.catch(() => {});
  return mine;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

// Lets those who work in turns pass by one whose turn does not end.

const turnMs = 250;

/** Resolves when `work` has ended, in whatever way, or takes longer than a turn: others then need not wait for it. */
export async function endOrTurn(work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, turnMs);
  const end = () => {
    clearTimeout(timer);
    resolve();
  };
  work.then(end, end);
  return promise;
}

// Lets the next turn begin when the current one takes too long.

const turnMs = 250;

/** Resolves when `work` has ended or failed, or when it takes longer than a turn. */
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

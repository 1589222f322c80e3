// Many calls at once, of which each may fail.

/** Runs `work` for every index below `count`, at most `concurrency` of them at a time. */
export async function inParallel<T>(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  const results = new Array<PromiseSettledResult<T>>(count);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) {
      results[index] = await settle(work(index));
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, concurrency) }, worker));
  return results;
}

async function settle<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}

export function valuesOf<T>(results: readonly PromiseSettledResult<T>[]): T[] {
  return results.filter((result) => result.status === "fulfilled").map(({ value }) => value);
}

export function errorsOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.filter((result) => result.status === "rejected").map(({ reason }) => reason as unknown);
}

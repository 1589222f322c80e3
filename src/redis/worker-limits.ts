// Counts for several processes of one instance: the primary counts in its memory, and its workers ask it.
import {
  type IRateLimiterOptions,
  type RateLimiterAbstract,
  RateLimiterCluster,
  RateLimiterClusterMaster,
  RateLimiterMemory,
  RateLimiterRes,
} from "rate-limiter-flexible";

/** Makes this process the one that counts. Call it once, before it forks. */
export function countForWorkers(): void {
  // The constructor registers itself.
  void new RateLimiterClusterMaster();
}

export type Counter = Pick<RateLimiterAbstract, "consume" | "reward" | "get" | "penalty">;

export type CreateCounter = (options: IRateLimiterOptions & { keyPrefix: string }) => Counter;

/** Returns a counter for this process alone. */
export const ownCounter: CreateCounter = (options) => new RateLimiterMemory(options);

const answerTimeoutMs = 100;

/** Returns a counter for all workers. If the primary does not answer, each worker counts for itself. */
export const primaryCounter: CreateCounter = (options) => {
  const primary = new RateLimiterCluster({ ...options, timeoutMs: answerTimeoutMs });
  const own = ownCounter(options);
  return {
    consume: (key, points) => answerOr(primary.consume(key, points), () => own.consume(key, points)),
    reward: (key, points) => answerOr(primary.reward(key, points), () => own.reward(key, points)),
    penalty: (key, points) => answerOr(primary.penalty(key, points), () => own.penalty(key, points)),
    get: (key) => answerOr(primary.get(key), () => own.get(key)),
  };
};

async function answerOr<T>(asked: Promise<T>, own: () => Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    // A refusal is an answer, not a failure.
    if (error instanceof RateLimiterRes) throw error;
    return own();
  }
}

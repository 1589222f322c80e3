// Counts for several processes of one instance: the primary counts in its memory, and its workers ask it.
import {
  type IRateLimiterOptions,
  type RateLimiterAbstract,
  RateLimiterCluster,
  RateLimiterClusterMaster,
  RateLimiterMemory,
} from "rate-limiter-flexible";

/** Makes this process the one that counts. Once, before it forks. */
export function countForWorkers(): void {
  // Registers itself.
  void new RateLimiterClusterMaster();
}

/** One that counts for this process alone. */
export type CreateCounter = (options: IRateLimiterOptions & { keyPrefix: string }) => RateLimiterAbstract;

export const ownCounter: CreateCounter = (options) => new RateLimiterMemory(options);

const answerTimeoutMs = 1_000;

/** In a worker: one that counts for all workers. */
export const primaryCounter: CreateCounter = (options) =>
  new RateLimiterCluster({ ...options, timeoutMs: answerTimeoutMs });

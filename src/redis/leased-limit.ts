// Takes points of a shared limit in small blocks, so that most calls need no round trip. A block is charged when it is taken:
// the limit is never exceeded, and unused points of a block expire with its second.
import { BoundedMap } from "../domain/bounded-map.ts";
import type { RateLimit, RateLimitState } from "./rate-limits.ts";

interface Lease {
  left: number;
  /** On the monotonic clock, in milliseconds. */
  untilMs: number;
  /** The points left to others when the block was taken. */
  remaining: number;
}

const blockPointsMax = 100;
const leasesMax = 10_000;

/** `shared` charges immediately. Small limits are taken point by point, so that instances share them evenly. */
export function leasePoints(shared: RateLimit, limit: number): RateLimit {
  const block = Math.max(1, Math.min(blockPointsMax, Math.floor(limit / 10)));
  if (block === 1) return shared;
  const leases = new BoundedMap<string, Lease>(leasesMax);
  const taking = new Map<string, Promise<void>>();

  function fromLease(subject: string, points: number): RateLimitState | undefined {
    const lease = leases.get(subject);
    const resetMs = lease ? lease.untilMs - performance.now() : 0;
    if (!lease || resetMs <= 0 || lease.left < points) return undefined;
    lease.left -= points;
    return { allowed: true, limit, remaining: lease.left + lease.remaining, resetMs };
  }

  async function takeBlock(subject: string): Promise<void> {
    // Measured from before the call, so that the lease ends no later than the second that was charged.
    const start = performance.now();
    const { allowed, resetMs, remaining } = await shared.take(subject, block);
    if (!allowed) {
      await shared.giveBack(subject, block);
      return;
    }
    leases.set(subject, { left: block, untilMs: start + resetMs, remaining });
  }

  return {
    takeNow: fromLease,
    async take(subject, points) {
      const leased = fromLease(subject, points);
      if (leased) return leased;
      if (points > block) return shared.take(subject, points);
      let under = taking.get(subject);
      if (!under) {
        under = takeBlock(subject).finally(() => taking.delete(subject));
        taking.set(subject, under);
      }
      await under;
      // Too many calls waited for the block, or the limit is near: charge this call's own points.
      return fromLease(subject, points) ?? shared.take(subject, points);
    },
    async giveBack(subject, points) {
      const lease = leases.get(subject);
      if (lease && lease.untilMs > performance.now()) lease.left += points;
      else await shared.giveBack(subject, points);
    },
  };
}

// Takes points of a shared limit in blocks, so that most calls need no round trip. A block is charged when it is taken: the limit is
// never exceeded, and unused points of a block expire with its second.
import { BoundedMap } from "../domain/bounded-map.ts";
import type { RateLimit, RateLimitState } from "./rate-limits.ts";

/** The points that this process holds of one subject's limit. Times are on the monotonic clock, in milliseconds. */
interface Lease {
  /** Points that are charged and not yet taken. */
  left: number;
  /** The end of the second in which they count. */
  untilMs: number;
  /** The points left to others when the last block was taken. */
  remaining: number;
  /** The limit is reached: no more points before this time. */
  refusedUntilMs: number;
  /** The limit is near: no more blocks before this time. */
  noBlockUntilMs: number;
  /** Points that were taken since the last block. */
  used: number;
  blockMs: number;
  /** The next block is taken when fewer are left. */
  refillBelow: number;
  /** Points of the calls that wait for a block. */
  wanted: number;
  taking: Promise<void> | undefined;
}

const leasesMax = 10_000;
/** A block should last this long. */
const blockLastsMs = 100;
/** The shortest time from which a rate is estimated, so that a burst does not take a block for a rate that it does not keep. */
const rateMsMin = 25;
/** A call waits for so many blocks that others use up, then it charges its own points. */
const blocksMax = 3;
/** Two measurements of one end differ by the duration of a round trip; the ends of two seconds differ by a second. */
const sameSecondMs = 500;

/** `shared` charges immediately. Small limits are taken point by point, so that instances share them evenly. */
export function leasePoints(shared: RateLimit, limit: number): RateLimit {
  const blockMax = Math.floor(limit / 10);
  // Saves a caller with few calls a round trip for each.
  const blockMin = Math.ceil(limit / 100);
  if (blockMax <= 1) return shared;
  const leases = new BoundedMap<string, Lease>(leasesMax);

  function leaseOf(subject: string): Lease {
    let lease = leases.get(subject);
    if (!lease) {
      lease = newLease();
      leases.set(subject, lease);
    }
    return lease;
  }

  function takeNow(subject: string, points: number): RateLimitState | undefined {
    const lease = leases.get(subject);
    if (!lease) return undefined;
    const nowMs = performance.now();
    if (lease.left < points || nowMs >= lease.untilMs) {
      const refusedMs = lease.refusedUntilMs - nowMs;
      return refusedMs > 0 ? { allowed: false, limit, remaining: 0, resetMs: Math.ceil(refusedMs) } : undefined;
    }
    lease.left -= points;
    lease.used += points;
    // Before it is empty, so that no call waits. A call that finds it empty reports an error.
    if (lease.left < lease.refillBelow && nowMs >= lease.noBlockUntilMs)
      takeBlock(subject, lease, nowMs).catch(() => {});
    return { allowed: true, limit, remaining: lease.left + lease.remaining, resetMs: lease.untilMs - nowMs };
  }

  /** Calls that need a block at the same time share it. */
  function takeBlock(subject: string, lease: Lease, nowMs: number): Promise<void> {
    lease.taking ??= chargeBlock(subject, lease, nowMs).finally(() => {
      lease.taking = undefined;
    });
    return lease.taking;
  }

  async function chargeBlock(subject: string, lease: Lease, startMs: number): Promise<void> {
    const expected = (lease.used / Math.max(rateMsMin, startMs - lease.blockMs)) * blockLastsMs;
    const block = Math.min(blockMax, Math.max(blockMin, lease.wanted, Math.ceil(expected)));
    lease.used = 0;
    lease.blockMs = startMs;
    const { allowed, resetMs, remaining } = await shared.take(subject, block);
    // Measured from before the call, so that the lease ends no later than the second that was charged.
    const untilMs = startMs + resetMs;
    if (!allowed) {
      lease.noBlockUntilMs = untilMs;
      await shared.giveBack(subject, block, untilMs);
      return;
    }
    // Points of an earlier second do not count in this one.
    const isSameSecond = untilMs - lease.untilMs < sameSecondMs;
    lease.left = block + (isSameSecond ? lease.left : 0);
    lease.untilMs = untilMs;
    lease.remaining = remaining;
    lease.refillBelow = Math.floor(block / 4);
  }

  async function takeOwn(subject: string, points: number): Promise<RateLimitState> {
    const startMs = performance.now();
    const state = await shared.take(subject, points);
    if (!state.allowed) leaseOf(subject).refusedUntilMs = startMs + state.resetMs;
    return state;
  }

  return {
    takeNow,
    async take(subject, points) {
      const lease = leaseOf(subject);
      for (let blocks = 0; ; blocks++) {
        const taken = takeNow(subject, points);
        if (taken) return taken;
        const nowMs = performance.now();
        if (points > blockMax || blocks === blocksMax || nowMs < lease.noBlockUntilMs) return takeOwn(subject, points);
        lease.wanted += points;
        try {
          await takeBlock(subject, lease, nowMs);
        } finally {
          lease.wanted -= points;
        }
      }
    },
    async giveBack(subject, points, untilMs) {
      const lease = leases.get(subject);
      if (lease && performance.now() < lease.untilMs) {
        // Points of an earlier second were not charged in this one.
        if (lease.untilMs - untilMs >= sameSecondMs) return;
        lease.left += points;
        lease.used -= points;
        return;
      }
      if (lease) lease.refusedUntilMs = 0;
      await shared.giveBack(subject, points, untilMs);
    },
  };
}

function newLease(): Lease {
  return {
    ...{ left: 0, untilMs: 0, remaining: 0, refusedUntilMs: 0, noBlockUntilMs: 0 },
    ...{ used: 0, blockMs: 0, refillBelow: 0, wanted: 0, taking: undefined },
  };
}

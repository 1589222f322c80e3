// Limits how many connections each kind of work may hold, so that no kind can use the whole pool.

/** `lookup`: many calls wait for it, for example a credential. `job`: no caller waits for it. */
export type Share = "read" | "lookup" | "write" | "list" | "job" | "health";

export interface Shares {
  /** Returns whether this kind of work may have one more connection. */
  hasRoom(share: Share): boolean;
  take(share: Share): void;
  giveBack(share: Share): void;
}

/**
 * In a pool of ten, writers hold at most six connections, lists three and jobs two. Writers, lists and jobs together leave two for
 * look-ups and reads; with the reads they leave one for look-ups. A pool of one has no shares.
 */
export function createShares(size: number): Shares {
  const reserved = size >= 5 ? 2 : size > 1 ? 1 : 0;
  const slowMax = size - reserved;
  const max: Record<Share, number> = {
    health: size,
    lookup: size,
    read: Math.max(1, size - Math.min(1, reserved)),
    write: Math.max(1, Math.min(slowMax, Math.ceil(size * 0.6))),
    list: Math.max(1, Math.min(slowMax, Math.floor(size * 0.3))),
    job: Math.max(1, Math.min(slowMax, Math.floor(size * 0.2))),
  };
  const taken: Record<Share, number> = { health: 0, lookup: 0, read: 0, write: 0, list: 0, job: 0 };
  const slow = () => taken.write + taken.list + taken.job;
  return {
    hasRoom(share) {
      if (taken[share] >= max[share]) return false;
      return share === "health" || share === "lookup" || share === "read" || slow() < slowMax;
    },
    take: (share) => void taken[share]++,
    giveBack: (share) => void taken[share]--,
  };
}

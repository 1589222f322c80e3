// Keeps those who wait for the same row from holding all the connections: they wait here, where it costs nothing.
import type { CallProgress } from "../../domain/call-progress.ts";

export interface Lanes {
  /** Runs `work` when less than `max` others of `key` run; waits at most `waitMs`, and says so by `onTooLate`. */
  run<T>(key: string, max: number, options: LaneOptions, work: () => Promise<T>): Promise<T>;
}

export interface LaneOptions {
  waitMs: number;
  /** The call that it is for: when nobody waits for that any more, it leaves the queue. */
  call?: CallProgress | undefined;
  onTooLate: () => Error;
}

interface Lane {
  running: number;
  waiting: (() => void)[];
}

export function createLanes(): Lanes {
  const lanes = new Map<string, Lane>();

  function leave(key: string, lane: Lane): void {
    const next = lane.waiting.shift();
    if (next) {
      next();
    } else {
      lane.running--;
      if (lane.running === 0) lanes.delete(key);
    }
  }

  /** Resolves when it is this one's turn, and rejects when that takes too long or nobody waits for it. */
  function turn(lane: Lane, { waitMs, call, onTooLate }: LaneOptions): Promise<void> {
    const signal = call?.signal;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      settle();
    };
    const begin = () => end(resolve);
    const giveUp = () => {
      lane.waiting = lane.waiting.filter((other) => other !== begin);
      end(() => reject(onTooLate()));
    };
    const timer = setTimeout(giveUp, waitMs);
    signal?.addEventListener("abort", giveUp);
    lane.waiting.push(begin);
    return promise;
  }

  return {
    async run(key, max, options, work) {
      const lane = lanes.get(key) ?? { running: 0, waiting: [] };
      lanes.set(key, lane);
      if (lane.running < max) lane.running++;
      // Whoever leaves hands its place on.
      else await turn(lane, options);
      try {
        return await work();
      } finally {
        leave(key, lane);
      }
    },
  };
}

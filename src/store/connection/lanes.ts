// Makes changes of the same row wait in the process, so that they do not hold all connections.
import type { CallProgress } from "../../domain/call-progress.ts";

export interface Lanes {
  /** Runs `work` when fewer than `max` others of `key` run. Waits at most `waitMs`, then fails with `onTooLate`. */
  run<T>(key: string, max: number, options: LaneOptions, work: () => Promise<T>): Promise<T>;
}

export interface LaneOptions {
  waitMs: number;
  /** The call that `work` is for. When its client is gone or its deadline has passed, it leaves the queue. */
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

  /** Resolves at its turn. Rejects when that takes too long or the caller does not wait any more. */
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
    // The client may have disconnected while its call waited for something else.
    if (signal?.aborted) giveUp();
    return promise;
  }

  return {
    async run(key, max, options, work) {
      const lane = lanes.get(key) ?? { running: 0, waiting: [] };
      lanes.set(key, lane);
      if (lane.running < max) lane.running++;
      // The next in the queue takes the free place.
      else await turn(lane, options);
      try {
        return await work();
      } finally {
        leave(key, lane);
      }
    },
  };
}

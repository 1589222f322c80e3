// Estimates the database's clock in this process, so that all instances check times, for example of a JWT, by the same clock.
import { databaseNow } from "../store/clock.ts";
import type { Sql } from "../store/database.ts";

export interface DatabaseClock {
  /** Returns the time of the database, or that of this machine until the former is known. */
  now(): Date;
  nowMs: () => number;
  close(): void;
}

interface OwnClocks {
  now: () => Date;
  /** Monotonic. */
  nowMs: () => number;
}

const askEveryMs = 10_000;
/** A slower answer is too imprecise. */
const answerMsMax = 1_000;
const skewMsMax = 2_000;

/** Reads the clock once before it returns. Calls `onSkew` with the difference when this machine's clock becomes wrong, and with 0 when it is right again. */
export async function openDatabaseClock(
  database: Sql,
  own: OwnClocks,
  onSkew: (aheadMs: number) => void,
): Promise<DatabaseClock> {
  // The difference to the monotonic clock, which changes of this machine's time do not affect.
  let offsetMs = own.now().getTime() - own.nowMs();
  let isOff = false;

  async function ask(): Promise<void> {
    const beforeMs = own.nowMs();
    const then = await databaseNow(database).catch(() => undefined);
    const tookMs = own.nowMs() - beforeMs;
    if (!then || tookMs > answerMsMax) return;
    offsetMs = then.getTime() - (beforeMs + tookMs / 2);
    const aheadMs = Math.round(own.now().getTime() - own.nowMs() - offsetMs);
    const wasOff = isOff;
    isOff = Math.abs(aheadMs) >= skewMsMax;
    if (isOff !== wasOff) onSkew(isOff ? aheadMs : 0);
  }

  await ask();
  const timer = setInterval(() => void ask(), askEveryMs).unref();
  return {
    now: () => new Date(own.nowMs() + offsetMs),
    nowMs: own.nowMs,
    close: () => clearInterval(timer),
  };
}

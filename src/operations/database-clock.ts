// The database's clock, as this process knows it: what arrives with a time in it, such as a JWT, is judged by the same clock everywhere.
import { databaseNow } from "../store/clock.ts";
import type { Sql } from "../store/database.ts";

export interface DatabaseClock {
  /** By the database's clock, as far as this is known yet. */
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
/** An answer that took longer says too little. */
const answerMsMax = 1_000;
const skewMsMax = 2_000;

/** Asks once before it returns. `onSkew` hears when this machine's clock begins to be off, with by how much, and when it ends: 0. */
export async function openDatabaseClock(
  database: Sql,
  own: OwnClocks,
  onSkew: (aheadMs: number) => void,
): Promise<DatabaseClock> {
  // What to add to the monotonic clock, which no change of this machine's time moves.
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

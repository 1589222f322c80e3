// Reads that do not depend on one connection: if it does not answer, another one is used too, and the silent one is closed later.
import { setTimeout as sleep } from "node:timers/promises";
import { isDatabaseError, isWorthRepeating, retryDelayMs } from "./database-errors.ts";
import type { Lease, Pool } from "./pool.ts";
import { runOn } from "./run-statement.ts";
import type { Share } from "./shares.ts";
import type { Statement } from "./statement.ts";

/** Time limits of a read. */
export interface Patience {
  /** After this time without an answer the statement also runs on another connection. */
  hedgeMs: number;
  /** After this time the read fails. */
  totalMs: number;
}

const attemptsMax = 3;

/** No connection answered in time. */
export class NoAnswerError extends Error {
  override name = "NoAnswerError";
  constructor(waitedMs: number) {
    super(`the database did not answer within ${waitedMs} ms`);
  }
}

/** Runs a statement that may run twice. Fails with the driver's error, untranslated. */
export function read<Row extends object>(
  pool: Pool,
  share: Share,
  statement: Statement,
  { hedgeMs, totalMs }: Patience,
): Promise<Row[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Row[]>();
  /** Running statements, with the time at which each was sent. */
  const silent = new Map<Lease, number>();
  let running = 0;
  let attempts = 0;
  let isSettled = false;
  const startMs = performance.now();

  async function attempt(taken: Lease | Promise<Lease>): Promise<void> {
    attempts++;
    running++;
    let lease: Lease | undefined;
    try {
      lease = taken instanceof Promise ? await taken : taken;
      if (isSettled) return lease.giveBack();
      silent.set(lease, performance.now());
      const rows = await runOn<Row>(lease, statement);
      silent.delete(lease);
      lease.giveBack();
      settle(() => resolve(rows), hedgeMs);
    } catch (error) {
      if (lease) {
        silent.delete(lease);
        lease.giveBack(error);
      }
      await onFailure(error, lease !== undefined);
    } finally {
      running--;
    }
  }

  /** After a restart of the server all connections break, so the next one is tried whatever happened to this one. */
  async function onFailure(error: unknown, wasAsked: boolean): Promise<void> {
    if (isSettled) return;
    if (attempts < attemptsMax && isWorthRepeating(error) && performance.now() - startMs < totalMs) {
      await sleep(retryDelayMs(attempts));
      if (!isSettled) void attempt(pool.take(share));
    } else if (running === 1 || (wasAsked && isDatabaseError(error))) {
      // The server would refuse the statement again. If it only had no further connection to give, another one may still answer.
      settle(() => reject(error));
    }
  }

  function onSilence(): void {
    const leftMs = startMs + totalMs - performance.now();
    if (leftMs <= 1) {
      settle(() => reject(new NoAnswerError(totalMs)), 0);
      return;
    }
    timer = setTimeout(onSilence, Math.min(hedgeMs, leftMs));
    if (attempts >= attemptsMax) return;
    for (const sinceMs of silent.values()) pool.closeUnproven(sinceMs);
    const other = pool.takeNow(share);
    if (other) void attempt(other);
    // All connections are in use and may all be silent, so this one is replaced. A list may only be slow, so it is not.
    else if (share !== "list") closeSilent(2 * hedgeMs);
  }

  function closeSilent(silenceMs: number): void {
    const now = performance.now();
    for (const [lease, sinceMs] of silent) if (now - sinceMs >= silenceMs - 1) lease.close();
  }

  /** Closes connections that have not answered for too long; newer ones may still answer and are kept. */
  function settle(end: () => void, silenceMs = hedgeMs): void {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    end();
    if (silent.size > 0) closeSilent(silenceMs);
  }

  let timer = setTimeout(onSilence, hedgeMs);
  void attempt(pool.take(share));
  return promise;
}

// Transactions and single changes. Never guesses an outcome, and retries only if nothing was changed.
import { setTimeout as sleep } from "node:timers/promises";
import type { CallProgress } from "../../domain/call-progress.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { isConnectionLost, isWorthRepeating, retryDelayMs, translateError } from "./database-errors.ts";
import type { Lease, Pool } from "./pool.ts";
import { runWithin } from "./run-statement.ts";
import type { Statement, Tx } from "./statement.ts";

export interface ChangeOptions {
  /** `job`: no caller waits for it. */
  share?: "write" | "job";
  progress?: CallProgress | undefined;
}

// Nothing is changed yet, so another connection may begin the transaction.
const beginSilenceMs = 1_000;
// Longer than a statement waits for a lock. The limit of callers without a deadline.
const changeSilenceMs = 8_000;
const jobSilenceMs = 35_000;
const provenForMs = 5_000;
const attemptsMax = 3;
const shortWaitMs = 20;

/** A call that a change is made for. */
export interface ChangingCall {
  progress: CallProgress | undefined;
}

/**
 * One statement for all of `calls`, which commits by itself. `statementOf` gets the calls whose callers still wait when the statement is
 * sent; nothing is sent for no call. Fails with OUTCOME_UNKNOWN when the answer is lost.
 */
export async function runChange<C extends ChangingCall, Row extends object>(
  pool: Pool,
  calls: readonly C[],
  statementOf: (calls: readonly C[]) => Statement,
): Promise<Row[]> {
  // The deadline of one of several calls must not end the wait of the others.
  const options: ChangeOptions = { progress: calls.length === 1 ? calls[0]?.progress : undefined };
  const startMs = performance.now();
  for (let attempt = 1; ; attempt++) {
    const lease = await proven(pool, options);
    let isSent = false;
    let failure: unknown;
    try {
      // A signal costs more than a glance at the time, so it is made only after a wait.
      const hasWaited = performance.now() - startMs > shortWaitMs;
      const isGone = (progress: CallProgress | undefined) => hasWaited && progress?.signal.aborted === true;
      const waiting = calls.filter(({ progress }) => !isTooLate(progress) && !isGone(progress));
      if (waiting.length === 0) return [];
      const statement = statementOf(waiting);
      // If the connection broke while it was idle, nothing was sent.
      isSent = !lease.isBroken;
      return await whileOpen(waiting, () => runWithin<Row>(lease, statement, silenceMs(options)));
    } catch (error) {
      failure = error;
      if (isSent && isConnectionLost(error)) throw outcomeUnknown(error);
      if (attempt === attemptsMax || !isWorthRepeating(error)) throw translateError(error);
    } finally {
      lease.giveBack(failure);
    }
    await sleep(retryDelayMs(attempt));
  }
}

/** `body` may run again when nothing of it was committed. Fails with OUTCOME_UNKNOWN when the answer to the COMMIT is lost. */
export async function runTransaction<T>(pool: Pool, body: (tx: Tx) => Promise<T>, options: ChangeOptions): Promise<T> {
  // Jobs run again by themselves and log the error.
  const bodyAttemptsMax = options.share === "job" ? 1 : attemptsMax;
  for (let attempt = 1; ; attempt++) {
    const run: Run = { lease: await begun(pool, options), failure: undefined };
    try {
      return await runBody(run, body, options);
    } catch (error) {
      if (attempt >= bodyAttemptsMax || run.failure === undefined || !isWorthRepeating(run.failure)) throw error;
    }
    await sleep(retryDelayMs(attempt));
  }
}

interface Run {
  lease: Lease;
  /** The error of a statement before the COMMIT. */
  failure: unknown;
}

async function runBody<T>(run: Run, body: (tx: Tx) => Promise<T>, options: ChangeOptions): Promise<T> {
  const { lease } = run;
  const query = async <Row extends object>(statement: Statement) => {
    try {
      return await runWithin<Row>(lease, statement, silenceMs(options));
    } catch (error) {
      run.failure = error;
      throw translateError(error);
    }
  };
  try {
    const result = await body({ inTransaction: true, query });
    checkDeadline(undefined, options.progress);
    // An error that the body caught is not a reason to run it again. A COMMIT that cannot be sent is.
    run.failure = lease.isBroken ? new Error("the connection broke before the COMMIT") : undefined;
    if (run.failure !== undefined) throw translateError(run.failure);
    await commit(lease, options);
    lease.giveBack();
    return result;
  } catch (error) {
    if (isOutcomeUnknown(error)) lease.close();
    else await rollBack(lease, run.failure);
    throw error;
  }
}

async function commit(lease: Lease, options: ChangeOptions): Promise<void> {
  const timer = setTimeout(() => lease.close(), silenceMs(options));
  try {
    const { command } = await whileOpen([options], () => lease.client.query("commit"));
    // Postgres's answer to the COMMIT of a transaction in which a statement has failed.
    if (command !== "ROLLBACK") return;
  } catch (error) {
    throw outcomeUnknown(error);
  } finally {
    clearTimeout(timer);
  }
  throw new Error("the error of a failed statement was ignored in a transaction");
}

async function rollBack(lease: Lease, failure: unknown): Promise<void> {
  if (lease.isBroken) return lease.close();
  try {
    await runWithin(lease, { name: "", text: "rollback", values: [] }, beginSilenceMs);
    lease.giveBack(failure);
  } catch {
    lease.close();
  }
}

/** Returns a connection in a transaction. Closes a connection that does not answer the BEGIN. */
function begun(pool: Pool, options: ChangeOptions): Promise<Lease> {
  return answering(pool, options, beginStatement, () => true);
}

/** Returns a connection that has just answered. On a silent one the outcome of a change would be unknown. */
function proven(pool: Pool, options: ChangeOptions): Promise<Lease> {
  return answering(pool, options, pingStatement, ({ provenMs }) => performance.now() - provenMs > provenForMs);
}

async function answering(
  pool: Pool,
  options: ChangeOptions,
  statement: Statement,
  isAsked: (lease: Lease) => boolean,
): Promise<Lease> {
  for (let attempt = 1; ; attempt++) {
    const lease = await take(pool, options);
    checkDeadline(lease, options.progress);
    if (!isAsked(lease)) return lease;
    const startMs = performance.now();
    try {
      await runWithin(lease, statement, beginSilenceMs);
      return lease;
    } catch (error) {
      lease.close();
      if (performance.now() - startMs >= beginSilenceMs) pool.closeUnproven(startMs);
      if (attempt === attemptsMax || !isWorthRepeating(error)) throw translateError(error);
    }
  }
}

const pingStatement: Statement = { name: "ping", text: "select 1", values: [] };
const beginStatement: Statement = { name: "begin", text: "begin isolation level read committed", values: [] };

async function take(pool: Pool, { share = "write", progress }: ChangeOptions): Promise<Lease> {
  for (let attempt = 1; ; attempt++) {
    const startMs = performance.now();
    try {
      return await pool.take(share, progress);
    } catch (error) {
      const wasWaiting = performance.now() - startMs > beginSilenceMs;
      if (attempt === attemptsMax || wasWaiting || !isWorthRepeating(error)) throw translateError(error);
    }
    await sleep(retryDelayMs(attempt));
  }
}

/** Fails if the caller does not wait any more. */
function checkDeadline(lease: Lease | undefined, progress: CallProgress | undefined): void {
  if (!isTooLate(progress)) return;
  lease?.giveBack();
  throw new CofferError("DEADLINE_EXCEEDED", "the call's deadline has passed; nothing was changed");
}

function isTooLate(progress: CallProgress | undefined): boolean {
  return progress?.deadlineMs !== undefined && performance.now() >= progress.deadlineMs;
}

async function whileOpen<T>(calls: readonly Partial<ChangingCall>[], commits: () => Promise<T>): Promise<T> {
  const setOpen = (isOpen: boolean) => {
    for (const { progress } of calls) if (progress) progress.isOutcomeOpen = isOpen;
  };
  setOpen(true);
  try {
    return await commits();
  } finally {
    setOpen(false);
  }
}

function silenceMs({ share }: ChangeOptions): number {
  return share === "job" ? jobSilenceMs : changeSilenceMs;
}

function outcomeUnknown(cause: unknown): CofferError {
  const message = "the outcome of the change is not known; retry with the same idempotency key";
  return new CofferError("OUTCOME_UNKNOWN", message, {}, { cause, retryDelayMs: 1_000 });
}

function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof CofferError && error.reason === "OUTCOME_UNKNOWN";
}

/** One statement, once. Fails with the driver's error, also when the connection stays silent. */
export async function runOnce<Row extends object>(
  pool: Pool,
  share: "write" | "job",
  statement: Statement,
): Promise<Row[]> {
  const lease = await pool.take(share);
  let failure: unknown;
  try {
    return await runWithin<Row>(lease, statement, changeSilenceMs);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    lease.giveBack(failure);
  }
}

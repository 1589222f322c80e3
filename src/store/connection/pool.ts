// The connections of a process: kept open, handed out by shares, replaced when they break.
import type pg from "pg";
import type { CallProgress } from "../../domain/call-progress.ts";
import { isOutOfConnections, serverIsNotOurs } from "./database-errors.ts";
import { type Connector, closeAtOnce } from "./open-connection.ts";
import { serveLimits } from "./session.ts";
import { createShares, type Share } from "./shares.ts";

/** A connection that is in use; its holder gives it back or closes it, once. */
export interface Lease {
  readonly client: pg.Client;
  /** True: it is broken, so nothing can be sent on it. */
  readonly isBroken: boolean;
  /** When it last answered. */
  readonly provenMs: number;
  /** The time limit of this session; undefined: the default. */
  statementTimeoutMs: number | undefined;
  /** `error`: the failure of a statement. After some errors the connection cannot be used again. */
  giveBack(error?: unknown): void;
  /** Closes it at once, even while a statement runs on it. */
  close(): void;
}

export interface Pool {
  /** Waits for a connection: at most five seconds, and not longer than its call. */
  take(share: Share, call?: CallProgress): Lease | Promise<Lease>;
  /** Returns an idle or a new connection without waiting; undefined if that is impossible. */
  takeNow(share: Share): Lease | Promise<Lease> | undefined;
  /** Closes idle connections that have not answered since then: the same fault may affect them. */
  closeUnproven(sinceMs: number): void;
  /** Waits a second for running statements. */
  close(): Promise<void>;
}

interface Kept {
  client: pg.Client;
  isBroken: boolean;
  /** Connections from before the last fail-over are not used again. */
  era: number;
  /** When it was last given back: until then it answered. */
  provenMs: number;
  statementTimeoutMs: number | undefined;
}

interface Waiter {
  share: Share;
  /** Gives the connection back if its caller does not wait any more. */
  resolve: (lease: Lease) => void;
  reject: (error: unknown) => void;
}

const waitMsMax = 5_000;
/** After the server has refused a connection because it has too many, coffer opens no further one for this time. */
const refusedMs = 500;
const goodbyeMs = 1_000;

export function createPool(connector: Connector, size: number): Pool {
  const shares = createShares(size);
  const idle: Kept[] = [];
  const inUse = new Set<Kept>();
  let waiting: Waiter[] = [];
  let opening = 0;
  let era = 0;
  let refusedUntilMs = 0;
  let isClosed = false;
  let onEmpty = () => {};

  const count = () => idle.length + inUse.size + opening;
  const mayOpen = () => count() < size && performance.now() >= refusedUntilMs;

  function lease(kept: Kept, share: Share): Lease {
    inUse.add(kept);
    let isHeld = true;
    const end = (isSound: boolean) => {
      if (!isHeld) return;
      isHeld = false;
      inUse.delete(kept);
      shares.giveBack(share);
      if (isSound) {
        kept.provenMs = performance.now();
        idle.push(kept);
      } else {
        drop(kept);
      }
      serve();
    };
    return {
      client: kept.client,
      provenMs: kept.provenMs,
      get isBroken() {
        return kept.isBroken;
      },
      get statementTimeoutMs() {
        return kept.statementTimeoutMs;
      },
      set statementTimeoutMs(timeoutMs) {
        kept.statementTimeoutMs = timeoutMs;
      },
      giveBack(error) {
        // The server is not the primary any more: none of its connections can be used, not even idle ones.
        if (error !== undefined && serverIsNotOurs(error) === "standby") startEra();
        const isSound = !kept.isBroken && kept.era === era && !(error !== undefined && serverIsNotOurs(error));
        end(isSound && !isClosed);
      },
      close: () => end(false),
    };
  }

  function startEra(): void {
    era++;
    for (const kept of idle.splice(0)) drop(kept);
  }

  function removed(kept: Kept): Kept {
    idle.splice(idle.indexOf(kept), 1);
    return kept;
  }

  function drop(kept: Kept): void {
    kept.isBroken = true;
    closeAtOnce(kept.client);
    if (count() === 0) onEmpty();
  }

  async function open(): Promise<Kept> {
    opening++;
    const openedIn = era;
    try {
      const { client } = await connector.open(serveLimits);
      const kept: Kept = {
        client,
        isBroken: false,
        era: openedIn,
        provenMs: performance.now(),
        statementTimeoutMs: undefined,
      };
      const onBroken = () => {
        kept.isBroken = true;
        if (idle.includes(kept)) drop(removed(kept));
      };
      client.on("error", onBroken);
      client.on("end", onBroken);
      return kept;
    } finally {
      opening--;
    }
  }

  /** Prefers the connection used last, because it is the most likely to work; for lists one that served a list. */
  function takeIdle(share: Share): Lease | undefined {
    const fits = ({ statementTimeoutMs }: Kept) => (statementTimeoutMs !== undefined) === (share === "list");
    const index = idle.findLastIndex(fits);
    const kept = index < 0 ? idle.pop() : (idle.splice(index, 1)[0] as Kept);
    if (!kept) return undefined;
    shares.take(share);
    return lease(kept, share);
  }

  async function takeNew(share: Share): Promise<Lease> {
    shares.take(share);
    try {
      return lease(await open(), share);
    } catch (error) {
      shares.giveBack(share);
      throw error;
    }
  }

  function takeNow(share: Share): Lease | Promise<Lease> | undefined {
    if (isClosed || !shares.hasRoom(share)) return undefined;
    return takeIdle(share) ?? (mayOpen() ? takeNew(share) : undefined);
  }

  /** If the server refuses more connections, callers wait for the next free one, as long as there are any. */
  async function orWait(taken: Promise<Lease>, share: Share, call: CallProgress | undefined): Promise<Lease> {
    try {
      return await taken;
    } catch (error) {
      if (!isOutOfConnections(error) || count() === 0) {
        setImmediate(serve);
        throw error;
      }
      refusedUntilMs = performance.now() + refusedMs;
      return waitForOne(share, call);
    }
  }

  function waitForOne(share: Share, call: CallProgress | undefined): Promise<Lease> {
    const signal = call?.signal;
    const deadlineMs = call?.deadlineMs ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.max(0, Math.min(waitMsMax, deadlineMs - performance.now()));
    const { promise, resolve, reject } = Promise.withResolvers<Lease>();
    let isWaiting = true;
    const settle = () => {
      isWaiting = false;
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
      waiting = waiting.filter((other) => other !== own);
    };
    const own: Waiter = {
      share,
      resolve(given) {
        if (!isWaiting) return given.giveBack();
        settle();
        resolve(given);
      },
      reject(error) {
        settle();
        reject(error);
      },
    };
    const leave = () => own.reject(new Error("the caller does not wait any more"));
    const timer = setTimeout(() => own.reject(new Error("no connection became free in time")), waitMs);
    if (signal?.aborted) leave();
    else {
      signal?.addEventListener("abort", leave);
      // Liveness checks go first.
      if (share === "health") waiting.unshift(own);
      else waiting.push(own);
      // Another connection may have become free while this one failed to open.
      setTimeout(serve, Math.max(0, refusedUntilMs - performance.now())).unref();
    }
    return promise;
  }

  function serve(): void {
    for (const one of [...waiting]) {
      const taken = takeNow(one.share);
      if (!taken) continue;
      if (!(taken instanceof Promise)) {
        one.resolve(taken);
        continue;
      }
      waiting = waiting.filter((other) => other !== one);
      orWait(taken, one.share, undefined).then(one.resolve, one.reject);
    }
  }

  return {
    take(share, call) {
      if (isClosed) return Promise.reject(new Error("the database is closed"));
      const taken = waiting.some((other) => other.share === share) ? undefined : takeNow(share);
      if (!taken) return waitForOne(share, call);
      return taken instanceof Promise ? orWait(taken, share, call) : taken;
    },
    takeNow,
    closeUnproven(sinceMs) {
      for (const kept of idle.filter(({ provenMs }) => provenMs < sinceMs)) drop(removed(kept));
    },
    async close() {
      isClosed = true;
      for (const one of waiting) one.reject(new Error("the database is closed"));
      const idleOnes = idle.splice(0).map(({ client }) => client);
      const goodbyes = idleOnes.map((client) => client.end().catch(() => {}));
      const { promise: allBack, resolve } = Promise.withResolvers<void>();
      onEmpty = resolve;
      if (count() === 0) resolve();
      const { promise: tooLate, resolve: giveUp } = Promise.withResolvers<void>();
      const timer = setTimeout(giveUp, goodbyeMs);
      await Promise.race([Promise.all([allBack, ...goodbyes]), tooLate]);
      clearTimeout(timer);
      // A hanging server never answers, so its connections would keep the process alive.
      for (const client of [...idleOnes, ...[...inUse].map((kept) => kept.client)]) closeAtOnce(client);
    },
  };
}

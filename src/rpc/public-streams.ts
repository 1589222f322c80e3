// Limits streams that need no credential: how many each address and all addresses may have, and for how long.
import { setTimeout as sleep } from "node:timers/promises";
import { CofferError } from "../domain/error/errors.ts";
import { networkOf } from "../redis/rate-limits.ts";

/** Clients open a watch again when it ends. */
export const streamLifetimeMs = 600_000;

const ofAddressMax = 100;
const inAllMax = 500;
const retryDelayMs = 60_000;

export interface PublicStreams {
  /** Counts a stream until the returned function is called. Fails with RATE_LIMITED if there are too many. */
  open(address: string): () => void;
}

export function createPublicStreams(): PublicStreams {
  const counts = new Map<string, number>();
  let inAll = 0;

  function change(network: string, by: number): void {
    inAll += by;
    const count = (counts.get(network) ?? 0) + by;
    if (count > 0) counts.set(network, count);
    else counts.delete(network);
  }

  return {
    open(address) {
      const network = networkOf(address);
      if ((counts.get(network) ?? 0) >= ofAddressMax)
        throw tooMany(`from this address, at most ${ofAddressMax}`, address);
      if (inAll >= inAllMax) throw tooMany(`at this instance, at most ${inAllMax}`, address);
      change(network, 1);
      return () => change(network, -1);
    },
  };
}

function tooMany(where: string, address: string): CofferError {
  const message = `too many streams are open ${where}; retry later`;
  return new CofferError("RATE_LIMITED", message, { subject: `address:${address}` }, { retryDelayMs });
}

/** Yields the messages of a stream for at most `lifetimeMs`. */
export async function* untilLifetime<T>(messages: AsyncIterable<T>, lifetimeMs: number): AsyncGenerator<T> {
  const over = new AbortController();
  const end = sleep(lifetimeMs, undefined, { ref: false, signal: over.signal }).catch(() => undefined);
  const iterator = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), end]);
      if (!next || next.done) return;
      yield next.value;
    }
  } finally {
    over.abort();
  }
}

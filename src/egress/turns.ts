// Requests of one connection, one after the other, however many a client sends at once.
import type { Duplex } from "node:stream";

export interface Turns {
  /** Does the work when what came before it on the connection is done, unless the connection is closed by then. */
  take(connection: Duplex, work: () => Promise<void>): Promise<void>;
}

/** With more of them waiting the connection ends. */
const waitingMax = 64;

export function createTurns(): Turns {
  const queues = new WeakMap<Duplex, { count: number; last: Promise<void> }>();
  return {
    async take(connection, work) {
      const queue = queues.get(connection) ?? { count: 0, last: Promise.resolve() };
      queues.set(connection, queue);
      if (++queue.count > waitingMax + 1) connection.destroy();
      const mine = queue.last.then(() => (connection.destroyed ? undefined : work()));
      queue.last = mine.catch(() => {}).finally(() => queue.count--);
      await mine;
    },
  };
}

// Serves the requests of one connection in their order, even if the client sends them all at once.
import type { Duplex } from "node:stream";

export interface InOrder {
  /** Does the work when earlier work of the connection is done, unless the connection is closed by then. */
  run(connection: Duplex, work: () => Promise<void>): Promise<void>;
}

/** If more requests wait, the connection ends. */
const waitingMax = 64;

export function createInOrder(): InOrder {
  const queues = new WeakMap<Duplex, { count: number; last: Promise<void> }>();
  return {
    async run(connection, work) {
      const queue = queues.get(connection) ?? { count: 0, last: Promise.resolve() };
      queues.set(connection, queue);
      if (++queue.count > waitingMax + 1) connection.destroy();
      const mine = queue.last.then(() => (connection.destroyed ? undefined : work()));
      queue.last = mine.catch(() => {}).finally(() => queue.count--);
      await mine;
    },
  };
}

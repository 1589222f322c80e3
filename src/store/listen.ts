// Listens to notifications of Postgres on its own connection, and opens it again when it breaks.
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { closeAtOnce } from "./connection/open-connection.ts";
import type { Database } from "./database.ts";

export interface Listener {
  close(): void;
}

export interface ListenerEvents {
  /** Called when it begins to listen. Notifications before that may have been missed. */
  onListening: () => void;
  /** Called whenever it no longer listens or fails to begin, at most four seconds after the server fell silent. */
  onLost: () => void;
}

const reconnectDelayMs = 500;
const askEveryMs = 2_000;
const answerWithinMs = 2_000;

/** Calls the function that `channels` has for the channel of each notification. */
export function listen(
  database: Pick<Database, "connectAlone">,
  channels: Readonly<Record<string, (payload: string) => void>>,
  { onListening, onLost }: ListenerEvents,
): Listener {
  let closed = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  function connectLater(): void {
    if (closed) return;
    onLost();
    timer = setTimeout(() => void connect(), reconnectDelayMs).unref();
  }

  async function connect(): Promise<void> {
    const own = await database.connectAlone().catch(() => undefined);
    if (!own) return connectLater();
    if (closed) return closeAtOnce(own);
    client = own;
    const again = () => {
      if (client !== own) return;
      client = undefined;
      closeAtOnce(own);
      connectLater();
    };
    own.on("error", again);
    own.on("end", again);
    own.on("notification", ({ channel, payload }) => channels[channel]?.(payload ?? ""));
    try {
      await listenTo(own);
      onListening();
      while (!closed) {
        await delay(askEveryMs, undefined, { ref: false });
        await stillListens(own);
      }
    } catch {
      again();
    }
  }

  async function listenTo(own: pg.Client): Promise<void> {
    for (const channel of Object.keys(channels)) await own.query(`listen ${own.escapeIdentifier(channel)}`);
  }

  /** Only a silent answer shows that a connection is lost. To listen once more changes nothing. */
  async function stillListens(own: pg.Client): Promise<void> {
    const silent = setTimeout(() => closeAtOnce(own), answerWithinMs).unref();
    try {
      await listenTo(own);
    } finally {
      clearTimeout(silent);
    }
  }

  void connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      if (client) closeAtOnce(client);
    },
  };
}

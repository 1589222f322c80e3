// Notifications of Postgres on a connection of their own, which is made again whenever it breaks.
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import type { Database } from "./database.ts";

export interface Listener {
  close(): void;
}

export interface ListenerEvents {
  /** Called whenever it begins to listen: before that some may have been missed. */
  onListening: () => void;
  /** Called whenever it no longer listens or fails to begin, at most four seconds after the server fell silent. */
  onLost: () => void;
}

const reconnectDelayMs = 500;
const askEveryMs = 2_000;
const answerWithinMs = 2_000;

/** Calls what `channels` has under its channel's name for each notification. */
export function listen(
  database: Pick<Database, "dedicatedClient">,
  channels: Readonly<Record<string, (payload: string) => void>>,
  { onListening, onLost }: ListenerEvents,
): Listener {
  let closed = false;
  let client: ReturnType<Database["dedicatedClient"]> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const own = database.dedicatedClient();
    client = own;
    const again = () => {
      if (closed || client !== own) return;
      client = undefined;
      onLost();
      own.end().catch(() => {});
      timer = setTimeout(() => void connect(), reconnectDelayMs).unref();
    };
    own.on("error", again);
    own.on("end", again);
    own.on("notification", ({ channel, payload }) => channels[channel]?.(payload ?? ""));
    try {
      await own.connect();
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

  /** A connection that was lost without a word tells by its silence; listening once more changes nothing. */
  async function stillListens(own: pg.Client): Promise<void> {
    const silent = setTimeout(() => own.connection.stream.destroy(), answerWithinMs).unref();
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
      // Without a goodbye, whose answer a server that hangs would never give.
      client?.connection.stream.destroy();
    },
  };
}

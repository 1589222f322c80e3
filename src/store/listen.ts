// Notifications of Postgres on a connection of their own, which is made again whenever it breaks.
import type { Database } from "./database.ts";

export interface Listener {
  close(): void;
}

const reconnectDelayMs = 500;

/** Calls what `channels` has under its channel's name for each notification, and `onGap` whenever some may have been missed. */
export function listen(
  database: Pick<Database, "dedicatedClient">,
  channels: Readonly<Record<string, (payload: string) => void>>,
  onGap: () => void,
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
      own.end().catch(() => {});
      timer = setTimeout(() => void connect(), reconnectDelayMs).unref();
    };
    own.on("error", again);
    own.on("end", again);
    own.on("notification", ({ channel, payload }) => channels[channel]?.(payload ?? ""));
    try {
      await own.connect();
      for (const channel of Object.keys(channels)) await own.query(`listen ${own.escapeIdentifier(channel)}`);
      onGap();
    } catch {
      again();
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

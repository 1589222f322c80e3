// Limits the open tunnels of each sandbox.
import type { Duplex } from "node:stream";

export interface OpenTunnels {
  /** Counts the connection until it closes. Returns false, and does not count it, when the limit is reached. */
  open(sandboxId: string, connection: Duplex): boolean;
}

/** Each takes about 100 KB. */
const tunnelsMax = 512;

export function createOpenTunnels(): OpenTunnels {
  const counts = new Map<string, number>();

  function change(sandboxId: string, by: number): void {
    const count = (counts.get(sandboxId) ?? 0) + by;
    if (count > 0) counts.set(sandboxId, count);
    else counts.delete(sandboxId);
  }

  return {
    open(sandboxId, connection) {
      if ((counts.get(sandboxId) ?? 0) >= tunnelsMax) return false;
      if (connection.destroyed) return true;
      change(sandboxId, 1);
      connection.once("close", () => change(sandboxId, -1));
      return true;
    },
  };
}

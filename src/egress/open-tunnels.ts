// How many tunnels each sandbox holds open: one that never lets go takes nothing from the others.
import type { Duplex } from "node:stream";

export interface OpenTunnels {
  /** Counts one more until the connection closes, unless it is one too many. */
  open(sandboxId: string, connection: Duplex): boolean;
}

/** Of some 100 KB each. */
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

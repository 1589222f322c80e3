// Joins two connections. The proxy checks again while they are open that the sandbox may use them.
import type { Duplex } from "node:stream";
import type { EventGuard } from "../wire/guard-events.ts";
import type { ClientRoute } from "./client.ts";
import type { ProxiedRequest } from "./proxied-request.ts";
import { type RecheckParts, recheck } from "./recheck.ts";

export interface JoinParts extends RecheckParts {
  guard: EventGuard;
}

/** How long a side may read pending bytes after the other has closed. */
const lingerMs = 30_000;

/** Ends the request when one side closes. `secretIds`: the sandbox must keep the placeholders of these secrets. */
export function join(
  parts: JoinParts,
  route: ClientRoute,
  [client, upstream]: readonly [client: Duplex, upstream: Duplex],
  secretIds: readonly string[],
  proxied: ProxiedRequest,
): void {
  const { idleMs, bodyMs } = parts.timeouts;
  parts.guard.guardConnection(client, upstream);
  let linger: NodeJS.Timeout | undefined;
  let idle = idleMs > 0 ? setTimeout(proxied.fail, idleMs, "upstream_timeout") : undefined;
  const stopChecks = recheck(parts, route, secretIds, proxied.fail);
  void proxied.ended.then(() => {
    clearTimeout(idle);
    clearTimeout(linger);
    stopChecks();
    client.destroy();
    upstream.destroy();
  });
  const count = (side: "requestBytes" | "responseBytes") => (chunk: Buffer) => {
    idle?.refresh();
    proxied.count(side, chunk.byteLength);
  };
  client.on("data", count("requestBytes"));
  upstream.on("data", count("responseBytes"));
  for (const [side, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    side.on("error", proxied.finished);
    // A closed peer and one that only stopped sending look the same. So when the other side is silent too, both are closed.
    side.on("end", () => {
      idle ??= setTimeout(proxied.fail, bodyMs, "upstream_timeout");
    });
    side.on("close", () => {
      // A timer that starts after the end would delay the stop of the process.
      if (proxied.isDecided()) return;
      other.end(proxied.finished);
      linger ??= setTimeout(proxied.finished, lingerMs);
    });
  }
  client.pipe(upstream);
  upstream.pipe(client);
  // A side may have closed before the listeners were attached.
  if (client.destroyed || upstream.destroyed) proxied.finished();
}

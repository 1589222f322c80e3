// Two connections as one, for as long as the sandbox may: it is judged again while they are open.
import type { Duplex } from "node:stream";
import type { RefusalCode } from "../domain/egress/refusal.ts";
import type { EgressParts } from "./parts.ts";
import type { Visit } from "./prepare.ts";
import { recheck } from "./recheck.ts";
import type { Record } from "./record.ts";
import type { Meter } from "./usage.ts";

export interface Joined {
  record: Record;
  /** Of which the sandbox must still hold the placeholders. */
  secretIds: readonly string[];
  /** Of their limits. */
  meters: readonly Meter[];
}

const lingerMs = 30_000;

/** Resolves when both are closed. */
export async function join(
  parts: EgressParts,
  visit: Visit,
  client: Duplex,
  upstream: Duplex,
  { record, secretIds, meters }: Joined,
): Promise<void> {
  const { idleMs, bodyMs } = parts.timeouts;
  parts.guard.guardConnection(client, upstream);
  const { promise, resolve } = Promise.withResolvers<void>();
  let linger: NodeJS.Timeout | undefined;
  const end = () => {
    clearTimeout(idle);
    clearTimeout(linger);
    stopChecks();
    client.destroy();
    upstream.destroy();
    resolve();
  };
  const breakOff = (code: RefusalCode) => {
    record.brokenBy ||= code;
    end();
  };
  let idle = idleMs > 0 ? setTimeout(breakOff, idleMs, "upstream_timeout") : undefined;
  const stopChecks = recheck(parts, visit, secretIds, breakOff);
  const count = (side: "requestBytes" | "responseBytes") => (chunk: Buffer) => {
    idle?.refresh();
    record[side] += chunk.byteLength;
    if (!meters.every((meter) => meter.addBytes(chunk.byteLength))) breakOff("byte_cap_reached");
  };
  client.on("data", count("requestBytes"));
  upstream.on("data", count("responseBytes"));
  for (const [side, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    side.on("error", end);
    // A closed peer and one that only stopped sending look the same. So when the other side is silent too, both are closed.
    side.on("end", () => {
      idle ??= setTimeout(breakOff, bodyMs, "upstream_timeout");
    });
    // The other side may still read pending bytes, for a limited time.
    side.on("close", () => {
      other.end(end);
      linger ??= setTimeout(end, lingerMs);
    });
  }
  client.pipe(upstream);
  upstream.pipe(client);
  // Either may have gone before anybody listened.
  if (client.destroyed || upstream.destroyed) end();
  return promise;
}

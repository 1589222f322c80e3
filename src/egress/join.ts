// Two connections as one, for as long as the sandbox may: it is judged again while they are open.
import type { Duplex } from "node:stream";
import { matchesHost } from "../domain/egress/host-pattern.ts";
import { hasRuleFor } from "../domain/egress/judge-request.ts";
import type { RefusalCode } from "../domain/egress/refusal.ts";
import { isLetIn } from "../domain/egress/sandbox.ts";
import { authenticateSandbox } from "../operations/egress/authenticate-sandbox.ts";
import type { EgressParts } from "./parts.ts";
import type { Visit } from "./prepare.ts";
import type { Record } from "./record.ts";
import type { Meter } from "./usage.ts";

export interface Joined {
  record: Record;
  /** Of which the sandbox must still hold the placeholders. */
  secretIds: readonly string[];
  /** Of their limits. */
  meters: readonly Meter[];
}

/** Resolves when both are closed. */
export async function join(
  parts: EgressParts,
  visit: Visit,
  client: Duplex,
  upstream: Duplex,
  { record, secretIds, meters }: Joined,
): Promise<void> {
  const { idleMs, requestMs, recheckMs } = parts.timeouts;
  parts.guard.guardConnection(client, upstream);
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    clearTimeout(idle);
    clearTimeout(whole);
    clearInterval(recheck);
    client.destroy();
    upstream.destroy();
    resolve();
  };
  const breakOff = (code: RefusalCode) => {
    record.brokenBy ||= code;
    end();
  };
  const idle = setTimeout(breakOff, idleMs, "upstream_timeout");
  const whole = setTimeout(breakOff, requestMs, "upstream_timeout");
  const recheck = setInterval(() => {
    refusalNow(parts, visit, secretIds).then(
      (code) => code && breakOff(code),
      (error: unknown) => {
        parts.onUnexpectedError(error);
        end();
      },
    );
  }, recheckMs);
  const count = (side: "requestBytes" | "responseBytes") => (chunk: Buffer) => {
    idle.refresh();
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
    // What the other one has not taken yet still goes to it.
    side.on("close", () => other.end(end));
  }
  client.pipe(upstream);
  upstream.pipe(client);
  // Either may have gone before anybody listened.
  if (client.destroyed || upstream.destroyed) end();
  return promise;
}

/** Why it may not go on; undefined when it may. */
async function refusalNow(
  parts: EgressParts,
  { token, address, host }: Visit,
  secretIds: readonly string[],
): Promise<RefusalCode | undefined> {
  const sandbox = await authenticateSandbox(parts, token, address);
  if (!sandbox) return "credential_revoked";
  for (const id of secretIds) {
    const binding = sandbox.bindings.find(
      ({ secretId, rule }) => secretId === id && rule?.hosts.some((pattern) => matchesHost(pattern, host)),
    );
    if (!binding) return "credential_revoked";
    if (!isLetIn(binding, sandbox, address)) return "access_policy_denied";
  }
  return sandbox.unmatched === "ALLOW" || hasRuleFor(sandbox, host) ? undefined : "unmatched_host_denied";
}

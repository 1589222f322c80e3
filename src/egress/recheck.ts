// Checks periodically whether a sandbox may continue, while its request, WebSocket or tunnel is open.

import { hasRuleFor } from "../domain/egress/check-request.ts";
import { matchesHost } from "../domain/egress/host-pattern.ts";
import { networkRefusal } from "../domain/egress/network-limits.ts";
import type { RefusalCode } from "../domain/egress/refusal.ts";
import { isLetIn } from "../domain/egress/sandbox.ts";
import type { EgressTimeouts } from "../domain/egress/timeouts.ts";
import { type AuthenticateSandboxDeps, authenticateSandbox } from "../operations/egress/authenticate-sandbox.ts";
import type { ClientRoute } from "./client.ts";

export interface RecheckParts extends AuthenticateSandboxDeps {
  timeouts: EgressTimeouts;
  onUnexpectedError(error: unknown): void;
}

/** How long an open request continues while the database is unavailable. */
const unknownMsMax = 15_000;

/** Calls `breakOff` once, when the sandbox may not continue. Returns a function that stops the checks. */
export function recheck(
  parts: RecheckParts,
  route: ClientRoute,
  secretIds: readonly string[],
  breakOff: (code: RefusalCode) => void,
): () => void {
  let knownMs = performance.now();
  const timer = setInterval(() => {
    const startMs = performance.now();
    refusalNow(parts, route, secretIds).then(
      (code) => {
        knownMs = startMs;
        if (code) end(code);
      },
      (error: unknown) => {
        if (performance.now() - knownMs < unknownMsMax) return;
        parts.onUnexpectedError(error);
        end("events_unavailable");
      },
    );
  }, parts.timeouts.recheckMs);
  let isEnded = false;
  const end = (code: RefusalCode) => {
    clearInterval(timer);
    if (isEnded) return;
    isEnded = true;
    breakOff(code);
  };
  return () => {
    isEnded = true;
    clearInterval(timer);
  };
}

/** Returns the refusal; undefined when the sandbox may continue. */
async function refusalNow(
  parts: RecheckParts,
  { token, address, host }: ClientRoute,
  secretIds: readonly string[],
): Promise<RefusalCode | undefined> {
  const sandbox = await authenticateSandbox(parts, token, address);
  if (!sandbox) return "credential_revoked";
  const outside = networkRefusal(sandbox.network, host);
  if (outside) return outside;
  for (const id of secretIds) {
    const binding = sandbox.bindings.find(
      ({ secretId, rule }) => secretId === id && rule?.hosts.some((pattern) => matchesHost(pattern, host)),
    );
    if (!binding) return "credential_revoked";
    if (!isLetIn(binding, sandbox, address)) return "access_policy_denied";
  }
  return sandbox.unmatched === "ALLOW" || hasRuleFor(sandbox, host) ? undefined : "unmatched_host_denied";
}

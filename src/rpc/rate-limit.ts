// Takes a point of the principal and one of the workspace; a call that either refuses costs nothing.
import type { Interceptor } from "@connectrpc/connect";
import { CofferError } from "../domain/errors.ts";
import type { RateLimit, RateLimitState } from "../redis/rate-limits.ts";
import { callerKey } from "../surfaces/caller.ts";

export function rateLimit(limits: { principal: RateLimit; workspace: RateLimit }): Interceptor {
  return (next) => async (req) => {
    const caller = req.contextValues.get(callerKey);
    if (!caller) return next(req);
    const { principalId, membership } = caller;
    const subjects = [
      { limit: limits.principal, subject: principalId },
      ...(membership ? [{ limit: limits.workspace, subject: membership.workspaceId }] : []),
    ];
    const states = await Promise.all(subjects.map(({ limit, subject }) => limit.take(subject)));
    const refusedAt = states.findIndex(({ allowed }) => !allowed);
    const refused = states[refusedAt];
    if (refused) {
      const others = subjects.filter((_, index) => states[index]?.allowed);
      await Promise.all(others.map(({ limit, subject }) => limit.giveBack(subject)));
      throw limited(subjects[refusedAt]?.subject ?? "", refused);
    }
    const response = await next(req);
    const tightest = states.reduce((least, state) => (state.remaining < least.remaining ? state : least));
    for (const [name, value] of Object.entries(headersOf(tightest))) response.header.set(name, value);
    return response;
  };
}

function limited(subject: string, state: RateLimitState): CofferError {
  return new CofferError(
    "RATE_LIMITED",
    `more than ${state.limit} requests a second`,
    { subject, limit: String(state.limit) },
    { retryDelayMs: Math.max(1, state.resetMs) },
  );
}

/** As in draft-ietf-httpapi-ratelimit-headers-03. */
function headersOf({ limit, remaining, resetMs }: RateLimitState): Record<string, string> {
  return {
    "ratelimit-limit": String(limit),
    "ratelimit-remaining": String(remaining),
    "ratelimit-reset": String(Math.ceil(resetMs / 1000)),
  };
}

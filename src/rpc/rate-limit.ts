// Takes a point of the principal and one of the workspace; a call that either refuses costs nothing.
import type { Interceptor, StreamRequest, UnaryRequest } from "@connectrpc/connect";
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
    const points = pointsOf(req);
    const taken: (RateLimitState & { giveBack: () => Promise<void> })[] = [];
    // One after the other: what the first limit refuses must not touch the second, not even for a moment.
    for (const { limit, subject } of subjects) {
      const state = await limit.take(subject, points);
      if (!state.allowed) {
        await Promise.all(taken.map(({ giveBack }) => giveBack()));
        throw limited(subject, state);
      }
      taken.push({ ...state, giveBack: () => limit.giveBack(subject, points) });
    }
    const response = await next(req);
    const tightest = taken.reduce((least, state) => (state.remaining < least.remaining ? state : least));
    for (const [name, value] of Object.entries(headersOf(tightest))) response.header.set(name, value);
    return response;
  };
}

/** One, or as many as a batch has requests. */
function pointsOf(req: UnaryRequest | StreamRequest): number {
  const { requests } = req.message as { requests?: unknown };
  return Array.isArray(requests) ? Math.max(1, requests.length) : 1;
}

function limited(subject: string, state: RateLimitState): CofferError {
  return new CofferError(
    "RATE_LIMITED",
    `more than ${state.limit} requests a second`,
    { subject, limit: String(state.limit) },
    { retryDelayMs: Math.max(1, state.resetMs), headers: headersOf(state) },
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

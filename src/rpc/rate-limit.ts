// Takes a point of the principal and one of the workspace; a call that either refuses costs nothing.
import type { Interceptor, StreamRequest, UnaryRequest } from "@connectrpc/connect";
import { CofferError } from "../domain/error/errors.ts";
import type { Caller } from "../domain/workspace/caller.ts";
import type { RateLimit, RateLimitState } from "../redis/rate-limits.ts";
import { callerKey } from "../surfaces/caller.ts";

interface Limits {
  principal: RateLimit;
  workspace: RateLimit;
}

export function rateLimit(limits: Limits): Interceptor {
  return (next) => async (req) => {
    const caller = req.contextValues.get(callerKey);
    if (!caller) return next(req);
    const tightest = await takePoints(limits, caller, pointsOf(req));
    const response = await next(req);
    for (const [name, value] of headersOf(tightest)) response.header.set(name, value);
    return response;
  };
}

/** One after the other: what the first limit refuses must not touch the second, not even for a moment. */
async function takePoints(
  { principal, workspace }: Limits,
  { principalId, membership }: Caller,
  points: number,
): Promise<RateLimitState> {
  const own = principal.takeNow(principalId, points) ?? (await principal.take(principalId, points));
  if (!own.allowed) throw limited(principalId, own);
  if (!membership) return own;
  const { workspaceId } = membership;
  const shared = workspace.takeNow(workspaceId, points) ?? (await workspace.take(workspaceId, points));
  if (shared.allowed) return shared.remaining < own.remaining ? shared : own;
  await principal.giveBack(principalId, points);
  throw limited(workspaceId, shared);
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
    { retryDelayMs: Math.max(1, state.resetMs), headers: Object.fromEntries(headersOf(state)) },
  );
}

/** As in draft-ietf-httpapi-ratelimit-headers-03. */
function headersOf({ limit, remaining, resetMs }: RateLimitState): [name: string, value: string][] {
  return [
    ["ratelimit-limit", String(limit)],
    ["ratelimit-remaining", String(remaining)],
    ["ratelimit-reset", String(Math.ceil(resetMs / 1000))],
  ];
}

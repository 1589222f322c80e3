// Takes the points of a call from its principal and its workspace. A call that either refuses takes none.
import type { DescMethod } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { callerKey } from "../call/caller.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { Caller } from "../domain/workspace/caller.ts";
import type { RateLimit, RateLimitState } from "../redis/rate-limits.ts";
import type { MethodFacts } from "./method-facts.ts";

interface Limits {
  principal: RateLimit;
  workspace: RateLimit;
}

interface RateLimitDeps {
  rateLimits: Limits;
  methodFacts: ReadonlyMap<DescMethod, MethodFacts>;
}

export function rateLimit({ rateLimits, methodFacts }: RateLimitDeps): Interceptor {
  return (next) => async (req) => {
    const caller = req.contextValues.get(callerKey);
    if (!caller) return next(req);
    const points = req.stream ? 1 : (methodFacts.get(req.method)?.points(req.message) ?? 1);
    const tightest = await takePoints(rateLimits, caller, points);
    const response = await next(req);
    for (const [name, value] of headersOf(tightest)) response.header.set(name, value);
    return response;
  };
}

/** One after the other: a call that the first limit refuses must not take points of the second, not even for a moment. */
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

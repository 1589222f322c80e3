// Takes the points of a call from its principal and its workspace. A call that either refuses takes none.
import type { DescMethod } from "@bufbuild/protobuf";
import { createHeaderMap } from "../call/header-map.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { RateLimit, RateLimitState } from "../redis/rate-limits.ts";
import type { MethodFacts } from "./method-facts.ts";
import type { UnaryCall } from "./unary-call.ts";

interface Limits {
  principal: RateLimit;
  workspace: RateLimit;
}

interface RateLimitDeps {
  rateLimits: Limits;
  methodFacts: ReadonlyMap<DescMethod, MethodFacts>;
}

/** Returns the tightest of both limits, or a promise of it if points must be fetched. Fails with RATE_LIMITED. */
export function takePoints(
  { rateLimits, methodFacts }: RateLimitDeps,
  { caller, method, message }: UnaryCall,
): RateLimitState | Promise<RateLimitState> {
  if (!caller) throw new Error("a call takes points after its caller is known");
  const { principalId, membership } = caller;
  const { principal, workspace } = rateLimits;
  const points = methodFacts.get(method)?.points(message) ?? 1;
  const own = principal.takeNow(principalId, points);
  if (!own?.allowed) return takeInTurn(rateLimits, principalId, membership?.workspaceId, points, own);
  const shared = membership && workspace.takeNow(membership.workspaceId, points);
  if (membership && !shared?.allowed) {
    return takeInTurn(rateLimits, principalId, membership.workspaceId, points, own, shared);
  }
  return shared ? tighter(own, shared) : own;
}

/** One after the other: a call that the first limit refuses must not take points of the second, not even for a moment. */
async function takeInTurn(
  { principal, workspace }: Limits,
  principalId: string,
  workspaceId: string | undefined,
  points: number,
  takenOwn?: RateLimitState,
  takenShared?: RateLimitState,
): Promise<RateLimitState> {
  const own = takenOwn ?? (await principal.take(principalId, points));
  if (!own.allowed) throw limited(principalId, own);
  if (workspaceId === undefined) return own;
  const untilMs = performance.now() + own.resetMs;
  const shared = takenShared ?? workspace.takeNow(workspaceId, points) ?? (await workspace.take(workspaceId, points));
  if (shared.allowed) return tighter(own, shared);
  await principal.giveBack(principalId, points, untilMs);
  throw limited(workspaceId, shared);
}

function tighter(own: RateLimitState, shared: RateLimitState): RateLimitState {
  return shared.remaining < own.remaining ? shared : own;
}

/** As in draft-ietf-httpapi-ratelimit-headers-03. */
export function setLimitHeaders(header: Headers, { limit, remaining, resetMs }: RateLimitState): void {
  header.set("ratelimit-limit", String(limit));
  header.set("ratelimit-remaining", String(remaining));
  header.set("ratelimit-reset", String(Math.ceil(resetMs / 1000)));
}

function limited(subject: string, state: RateLimitState): CofferError {
  const headers = createHeaderMap();
  setLimitHeaders(headers, state);
  return new CofferError(
    "RATE_LIMITED",
    `more than ${state.limit} requests a second`,
    { subject, limit: String(state.limit) },
    { retryDelayMs: Math.max(1, state.resetMs), headers: Object.fromEntries(headers) },
  );
}

// The steps of every call in their order. The first one is the outermost.
import { Code, type Interceptor } from "@connectrpc/connect";
import { isConnectError, toCofferError, toConnectError } from "../call/errors.ts";
import type { RateLimit } from "../redis/rate-limits.ts";
import type { DenialLog } from "../runtime/audit-denials.ts";
import type { Deps } from "../runtime/deps.ts";
import { type AuthenticateDeps, authenticate, reach } from "./authenticate.ts";
import type { DryRun } from "./dry-run.ts";
import { idempotency } from "./idempotency.ts";
import { type CallLog, observe } from "./observe.ts";
import { rateLimit } from "./rate-limit.ts";
import { validate } from "./validate.ts";

export interface InterceptorDeps extends AuthenticateDeps, Pick<Deps, "deploymentKeys"> {
  log: CallLog;
  denials: DenialLog;
  rateLimits: { principal: RateLimit; workspace: RateLimit };
  dryRun: DryRun;
}

export function createInterceptors(deps: InterceptorDeps): Interceptor[] {
  return [
    observe(deps),
    authenticate(deps),
    rateLimit(deps),
    reach(),
    validate(deps.dryRun),
    idempotency(deps.deploymentKeys.fingerprintKey),
  ];
}

/** Wraps all steps where Connect's own handlers run, because those know only Connect's errors. */
export const asConnectErrors: Interceptor = (next) => async (req) => {
  try {
    const response = await next(req);
    return response.stream ? { ...response, message: untilDeadline(response.message, req.signal) } : response;
  } catch (thrown) {
    throw toConnectError(toCofferError(thrown));
  }
};

/** Fails when the caller's deadline has passed. Otherwise the stream would end as if it were complete. */
async function* untilDeadline<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  yield* messages;
  if (isConnectError(signal.reason, Code.DeadlineExceeded)) throw toConnectError(toCofferError(signal.reason));
}

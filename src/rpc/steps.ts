// The steps of every call in their order, around its implementation.
import { Code, type Interceptor } from "@connectrpc/connect";
import { isCallKey } from "../call/context.ts";
import { isConnectError, toCofferError, toConnectError } from "../call/errors.ts";
import { spelledAsGiven } from "../call/json/shape.ts";
import type { RateLimit, RateLimitState } from "../redis/rate-limits.ts";
import type { DenialLog } from "../runtime/audit-denials.ts";
import type { Deps } from "../runtime/deps.ts";
import { type AuthenticateDeps, checkReach, identifyCaller } from "./authenticate.ts";
import type { DryRun } from "./dry-run.ts";
import { readIdempotencyKey } from "./idempotency.ts";
import { type CallSteps, runMethod } from "./invoke.ts";
import { type CallLog, logFailure, logSuccess, observeStreams } from "./observe.ts";
import { setLimitHeaders, takePoints } from "./rate-limit.ts";
import { refuseInvalid } from "./validate.ts";

export interface StepDeps extends AuthenticateDeps, Pick<Deps, "deploymentKeys"> {
  /** Returns whether a service needs no credential. */
  isPublic: (serviceName: string) => boolean;
  log: CallLog;
  denials: DenialLog;
  rateLimits: { principal: RateLimit; workspace: RateLimit };
  dryRun: DryRun;
}

/** A step returns a promise only when it must wait: most calls pass all steps in one turn. */
export function createSteps(deps: StepDeps): CallSteps {
  return {
    async run(call, spec) {
      call.values.set(isCallKey, true);
      let limit: RateLimitState | undefined;
      let isValid = false;
      try {
        if (!deps.isPublic(call.service.typeName)) {
          const identified = identifyCaller(deps, call);
          if (identified) await identified;
          const taken = takePoints(deps, call);
          limit = taken instanceof Promise ? await taken : taken;
          checkReach(call);
        }
        const refused = refuseInvalid(call, deps.dryRun);
        if (refused) await refused;
        isValid = true;
        readIdempotencyKey(deps.deploymentKeys.fingerprintKey, call);
        const result = await runMethod(call, spec);
        if (limit) setLimitHeaders(result.header, limit);
        logSuccess(deps, call);
        return result;
      } catch (thrown) {
        // The errors of the validation have the caller's spelling already.
        throw logFailure(deps, call, isValid && call.shape ? spelledAsGiven(thrown, call.shape) : thrown);
      }
    },
  };
}

/** Logs streams. They run in Connect's own handlers, which know only Connect's errors. */
export function createStreamInterceptors(deps: StepDeps): Interceptor[] {
  return [asConnectErrors, observeStreams(deps)];
}

/** Throws errors as Connect's own handlers know them. */
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

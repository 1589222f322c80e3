// Writes the one log line of a call, and the audit event of a denial.
import type { DescMethod } from "@bufbuild/protobuf";
import type { ContextValues, Interceptor } from "@connectrpc/connect";
import { callerKey } from "../call/caller.ts";
import { isCallKey, peerKey, requestIdKey } from "../call/context.ts";
import { toCofferError } from "../call/errors.ts";
import type { AuditSubject } from "../domain/audit/audit-event.ts";
import { reasons } from "../domain/error/error-reasons.ts";
import { type CofferError, denialIn } from "../domain/error/errors.ts";
import type { DenialLog } from "../runtime/audit-denials.ts";
import { isReported } from "../steps/secrets/report-corrupt.ts";
import type { MethodFacts } from "./method-facts.ts";
import type { UnaryCall } from "./unary-call.ts";

/** The contents of a call's log line: never a value, a credential or a query string. */
export interface CallRecord {
  requestId: string;
  method: string;
  /** `OK` or the reason. */
  result: string;
  durationMs: number;
  principalId: string | undefined;
  workspaceId: string | undefined;
  address: string | undefined;
}

export interface CallLog {
  /** Returns whether `info` writes anything now. */
  isInfo(): boolean;
  info(record: CallRecord): void;
  /** Logs an error that is coffer's own fault. `cause` is shown nowhere else. */
  error(record: CallRecord, cause: unknown): void;
}

interface ObserveDeps {
  methodFacts: ReadonlyMap<DescMethod, MethodFacts>;
  log: CallLog;
  denials: DenialLog;
}

/** The call as its log line shows it. */
interface ObservedCall {
  method: DescMethod;
  values: ContextValues;
  startMs: number;
}

export function logSuccess({ log }: ObserveDeps, call: ObservedCall): void {
  if (log.isInfo()) log.info(recordOf(call, "OK"));
}

/** Logs a failed call, records a denial, and returns the error that the caller may see. */
export function logFailure(deps: ObserveDeps, call: UnaryCall, thrown: unknown): CofferError {
  const error = toCofferError(thrown);
  report(deps, recordOf(call, error.reason), error, thrown);
  const denial = denialIn(error) ?? unreported(error);
  if (call.caller && denial) deps.denials.record(call.caller, denial, askedSubject(deps, call));
  return error;
}

/** Logs streams, which only services without credentials have. */
export function observeStreams(deps: ObserveDeps): Interceptor {
  return (next) => async (req) => {
    const call = { method: req.method, values: req.contextValues, startMs: performance.now() };
    call.values.set(isCallKey, true);
    try {
      const response = await next(req);
      logSuccess(deps, call);
      return response;
    } catch (thrown) {
      const error = toCofferError(thrown);
      report(deps, recordOf(call, error.reason), error, thrown);
      throw error;
    }
  };
}

function recordOf({ method, values, startMs }: ObservedCall, result: string): CallRecord {
  const caller = values.get(callerKey);
  return {
    requestId: values.get(requestIdKey),
    method: `${method.parent.typeName}/${method.name}`,
    result,
    durationMs: Math.round((performance.now() - startMs) * 1000) / 1000,
    principalId: caller?.principalId,
    workspaceId: caller?.membership?.workspaceId,
    address: values.get(peerKey)?.address,
  };
}

const subjectLengthMax = 512;

/** The resource that the request asks for, for the audit event of a call that ended before an operation found it. */
function askedSubject({ methodFacts }: ObserveDeps, { method, message }: UnaryCall): AuditSubject {
  const facts = methodFacts.get(method);
  if (!facts) return { resourceType: "none", resourceId: "" };
  // PostgreSQL cannot store U+0000 or half of a surrogate pair.
  const asked = facts.subject(message).replaceAll("\0", "").slice(0, subjectLengthMax).toWellFormed();
  return { resourceType: facts.resourceType, resourceId: asked };
}

/** Logs which row does not authenticate, if the operation has not audited it: nothing else shows whose row it was. */
function unreported(error: CofferError): CofferError | undefined {
  return error.reason === "VALUE_CORRUPT" && !isReported(error) ? error : undefined;
}

function report({ log }: ObserveDeps, record: CallRecord, error: CofferError, thrown: unknown): void {
  switch (reasons[error.reason].code) {
    case "INTERNAL":
    case "UNAVAILABLE":
    case "DATA_LOSS":
      log.error(record, error.cause ?? thrown);
      break;
    default:
      log.info(record);
  }
}

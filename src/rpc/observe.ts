// The outermost interceptor: times a call and writes its one log line.
import type { DescMethod } from "@bufbuild/protobuf";
import type { Interceptor, StreamRequest, UnaryRequest } from "@connectrpc/connect";
import { callerKey } from "../call/caller.ts";
import { isCallKey, peerKey, requestIdKey } from "../call/context.ts";
import { toCofferError } from "../call/errors.ts";
import type { AuditSubject } from "../domain/audit/audit-event.ts";
import { reasons } from "../domain/error/error-reasons.ts";
import { type CofferError, denialIn } from "../domain/error/errors.ts";
import type { DenialLog } from "../runtime/audit-denials.ts";
import { isReported } from "../steps/secrets/report-corrupt.ts";
import type { MethodFacts } from "./method-facts.ts";

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
  info(record: CallRecord): void;
  /** Logs an error that is coffer's own fault. `cause` is shown nowhere else. */
  error(record: CallRecord, cause: unknown): void;
}

interface ObserveDeps {
  methodFacts: ReadonlyMap<DescMethod, MethodFacts>;
  log: CallLog;
  denials: DenialLog;
}

export function observe(deps: ObserveDeps): Interceptor {
  return (next) => async (req) => {
    const start = performance.now();
    req.contextValues.set(isCallKey, true);
    const record = (result: string): CallRecord => {
      const caller = req.contextValues.get(callerKey);
      return {
        requestId: req.contextValues.get(requestIdKey),
        method: `${req.service.typeName}/${req.method.name}`,
        result,
        durationMs: Math.round((performance.now() - start) * 1000) / 1000,
        principalId: caller?.principalId,
        workspaceId: caller?.membership?.workspaceId,
        address: req.contextValues.get(peerKey)?.address,
      };
    };
    try {
      const response = await next(req);
      deps.log.info(record("OK"));
      return response;
    } catch (thrown) {
      const error = toCofferError(thrown);
      report(deps, record(error.reason), error, thrown);
      const caller = req.contextValues.get(callerKey);
      const denial = denialIn(error) ?? unreported(error);
      if (caller && denial) deps.denials.record(caller, denial, askedSubject(deps, req));
      throw error;
    }
  };
}

const subjectLengthMax = 512;

/** The resource that the request asks for, for the audit event of a call that ended before an operation found it. */
function askedSubject({ methodFacts }: ObserveDeps, req: UnaryRequest | StreamRequest): AuditSubject {
  const facts = req.stream ? undefined : methodFacts.get(req.method);
  if (!facts || req.stream) return { resourceType: "none", resourceId: "" };
  // PostgreSQL cannot store U+0000 or half of a surrogate pair.
  const asked = facts.subject(req.message).replaceAll("\0", "").slice(0, subjectLengthMax).toWellFormed();
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

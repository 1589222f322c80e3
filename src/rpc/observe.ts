// The outermost interceptor: times a call and writes its one log line.
import type { Interceptor } from "@connectrpc/connect";
import { reasons } from "../domain/error/error-reasons.ts";
import { type CofferError, denialIn } from "../domain/error/errors.ts";
import type { DenialLog } from "../runtime/audit-denials.ts";
import { isReported } from "../steps/secrets/report-corrupt.ts";
import { callerKey } from "../surfaces/caller.ts";
import { askedSubject } from "./audit-subject.ts";
import { isCallKey, peerKey, requestIdKey } from "./context.ts";
import { toCofferError } from "./errors.ts";

/** What a log line says of a call; never a value, a credential or a query string. */
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
  /** For what is coffer's own fault; `cause` goes nowhere else. */
  error(record: CallRecord, cause: unknown): void;
}

interface ObserveDeps {
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
      if (caller && denial) deps.denials.record(caller, denial, askedSubject(req));
      throw error;
    }
  };
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

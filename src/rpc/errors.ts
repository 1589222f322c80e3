// CofferError ⇄ what goes over the wire: Connect code, HTTP status and google.rpc details.
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { type CodeName, CofferError, reasons } from "../domain/errors.ts";

const codes: Record<CodeName, { code: Code; httpStatus: number }> = {
  INVALID_ARGUMENT: { code: Code.InvalidArgument, httpStatus: 400 },
  UNAUTHENTICATED: { code: Code.Unauthenticated, httpStatus: 401 },
  PERMISSION_DENIED: { code: Code.PermissionDenied, httpStatus: 403 },
  NOT_FOUND: { code: Code.NotFound, httpStatus: 404 },
  ALREADY_EXISTS: { code: Code.AlreadyExists, httpStatus: 409 },
  ABORTED: { code: Code.Aborted, httpStatus: 409 },
  FAILED_PRECONDITION: { code: Code.FailedPrecondition, httpStatus: 400 },
  RESOURCE_EXHAUSTED: { code: Code.ResourceExhausted, httpStatus: 429 },
  DEADLINE_EXCEEDED: { code: Code.DeadlineExceeded, httpStatus: 504 },
  CANCELED: { code: Code.Canceled, httpStatus: 499 },
  UNIMPLEMENTED: { code: Code.Unimplemented, httpStatus: 501 },
  UNAVAILABLE: { code: Code.Unavailable, httpStatus: 503 },
  DATA_LOSS: { code: Code.DataLoss, httpStatus: 500 },
  INTERNAL: { code: Code.Internal, httpStatus: 500 },
};

const errorDomain = "coffer";

/** The HTTP status of an error, for answers that are not gRPC. */
export function httpStatusOf(error: CofferError): number {
  const entry = reasons[error.reason];
  return entry.httpStatus ?? codes[entry.code].httpStatus;
}

/** The error with its details, as Connect, gRPC and gRPC-Web send it. */
export function toConnectError(error: CofferError): ConnectError {
  const { code } = codes[reasons[error.reason].code];
  const connectError = new ConnectError(error.message, code, errorHeaders(error), undefined, error);
  connectError.details = detailsOf(error);
  return connectError;
}

/** Headers that an error brings, in every protocol. */
export function errorHeaders(error: CofferError): Record<string, string> {
  if (error.retryDelayMs === undefined) return {};
  return { "retry-after": String(Math.max(1, Math.ceil(error.retryDelayMs / 1000))) };
}

/** Anything thrown, as an error that may be shown: what is not foreseen becomes INTERNAL and says nothing. */
export function toCofferError(thrown: unknown): CofferError {
  if (thrown instanceof CofferError) return thrown;
  if (thrown instanceof ConnectError && thrown.cause instanceof CofferError) return thrown.cause;
  if (isConnectError(thrown, Code.DeadlineExceeded)) {
    return new CofferError("DEADLINE_EXCEEDED", "the call's deadline has passed", {}, { cause: thrown });
  }
  if (isConnectError(thrown, Code.Canceled) || isAbort(thrown)) {
    return new CofferError("CANCELED", "the call was canceled", {}, { cause: thrown });
  }
  return new CofferError("INTERNAL", "internal error", {}, { cause: thrown });
}

function isConnectError(thrown: unknown, code: Code): boolean {
  return thrown instanceof ConnectError && thrown.code === code;
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}

function detailsOf(error: CofferError): ConnectError["details"] {
  const details: ConnectError["details"] = [
    {
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, {
        reason: error.reason,
        domain: errorDomain,
        metadata: { ...error.metadata },
      }),
    },
  ];
  if (error.violations.length > 0) {
    details.push({
      desc: BadRequestSchema,
      value: create(BadRequestSchema, { fieldViolations: [...error.violations] }),
    });
  }
  if (error.retryDelayMs !== undefined) {
    details.push({
      desc: RetryInfoSchema,
      value: create(RetryInfoSchema, { retryDelay: durationFromMs(error.retryDelayMs) }),
    });
  }
  if (error.reason === "RATE_LIMITED") {
    details.push({
      desc: QuotaFailureSchema,
      value: create(QuotaFailureSchema, {
        violations: [{ subject: error.metadata["subject"] ?? "", description: error.message }],
      }),
    });
  }
  if (error.resource !== undefined) {
    details.push({
      desc: ResourceInfoSchema,
      value: create(ResourceInfoSchema, {
        resourceType: error.resource.type,
        resourceName: error.resource.name,
      }),
    });
  }
  return details;
}

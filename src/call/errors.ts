// Converts a CofferError to its Connect code, HTTP status and google.rpc details, and any thrown error to a CofferError.
import { Code, ConnectError } from "@connectrpc/connect";
import { type CodeName, type Reason, reasons } from "../domain/error/error-reasons.ts";
import { CofferError } from "../domain/error/errors.ts";
import { codeOf, detailsOf } from "./error-details.ts";

// The statuses of the Connect protocol. The table of reasons has its own status for some reasons.
const httpStatuses: Record<CodeName, number> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  FAILED_PRECONDITION: 400,
  RESOURCE_EXHAUSTED: 429,
  DEADLINE_EXCEEDED: 504,
  CANCELED: 499,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  INTERNAL: 500,
};

/** Returns the HTTP status of an error, for answers that are not gRPC. */
export function httpStatusOf(error: CofferError): number {
  const entry = reasons[error.reason];
  return entry.httpStatus ?? httpStatuses[entry.code];
}

// HTTP itself defines the status of these reasons, so it is the same in every protocol.
const httpReasons: ReadonlySet<Reason> = new Set(["METHOD_NOT_ALLOWED", "UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT"]);

/** Returns the HTTP status of an error in the Connect protocol, which has one for each code. */
export function connectStatusOf(error: CofferError): number {
  return httpReasons.has(error.reason) ? httpStatusOf(error) : httpStatuses[reasons[error.reason].code];
}

/** Returns the error with its details, as Connect, gRPC and gRPC-Web send it. */
export function toConnectError(error: CofferError): ConnectError {
  // google.rpc and Connect use the same numbers for their codes.
  const code = codeOf(error) as number as Code;
  const connectError = new ConnectError(error.message, code, errorHeaders(error), undefined, error);
  connectError.details = detailsOf(error);
  return connectError;
}

/** Returns the headers of an error's answer, the same in every protocol. */
export function errorHeaders(error: CofferError): Record<string, string> {
  const { headers, retryDelayMs } = error;
  if (retryDelayMs === undefined) return { ...headers };
  return { ...headers, "retry-after": String(Math.max(1, Math.ceil(retryDelayMs / 1000))) };
}

/** Returns a thrown value as an error that a caller may see. An unexpected error becomes INTERNAL without details. */
export function toCofferError(thrown: unknown): CofferError {
  if (thrown instanceof CofferError) return thrown;
  if (thrown instanceof ConnectError && thrown.cause instanceof CofferError) return thrown.cause;
  if (isConnectError(thrown, Code.DeadlineExceeded)) {
    return new CofferError("DEADLINE_EXCEEDED", "the call's deadline has passed", {}, { cause: thrown });
  }
  if (isConnectError(thrown, Code.Canceled) || isAbort(thrown)) {
    return new CofferError("CANCELED", "the call was canceled", {}, { cause: thrown });
  }
  // Connect's own handlers, which serve streams, use these codes when the client broke the protocol.
  if (isConnectError(thrown, Code.ResourceExhausted)) {
    return new CofferError("REQUEST_TOO_LARGE", "a message of the stream is too large", {}, { cause: thrown });
  }
  if (isConnectError(thrown, Code.InvalidArgument) || isConnectError(thrown, Code.Unimplemented)) {
    return new CofferError("REQUEST_MALFORMED", "the stream does not follow its protocol", {}, { cause: thrown });
  }
  return new CofferError("INTERNAL", "internal error", {}, { cause: thrown });
}

export function isConnectError(thrown: unknown, code: Code): boolean {
  return thrown instanceof ConnectError && thrown.code === code;
}

/** Node also uses this code when the client reset the stream from which a message was read. */
function isAbort(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return thrown.name === "AbortError" || ("code" in thrown && thrown.code === "ERR_STREAM_PREMATURE_CLOSE");
}

// What a failed call said: code, reason, metadata, broken fields.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

export interface SeenError {
  code: string;
  reason: string;
  metadata: Record<string, string>;
  /** The names of the broken fields. */
  fields: string[];
  hasRetryInfo: boolean;
  message: string;
  error: ConnectError;
}

/** Fails when the call succeeds, or when its error has not exactly one ErrorInfo of coffer's. */
export async function errorOf(call: Promise<unknown>): Promise<SeenError> {
  const error = await call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  return describeError(error);
}

export function describeError(error: ConnectError): SeenError {
  const infos = error.findDetails(ErrorInfoSchema);
  const [info] = infos;
  if (!info || infos.length !== 1 || info.domain !== "coffer") {
    throw new Error(`expected one ErrorInfo, got ${infos.length}: ${error.message}`);
  }
  return {
    code: Code[error.code] as string,
    reason: info.reason,
    metadata: info.metadata,
    fields: error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations.map(({ field }) => field)),
    hasRetryInfo: error.findDetails(RetryInfoSchema).length > 0,
    message: error.rawMessage,
    error,
  };
}

// Reads the error of a failed call: code, reason, metadata, broken fields.
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";

export interface SeenError {
  code: string;
  reason: string;
  metadata: Record<string, string>;
  /** The names of the broken fields. */
  fields: string[];
  /** The conflicting resource, as `type name`. */
  resources: string[];
  hasRetryInfo: boolean;
  message: string;
  error: ConnectError;
}

/** Fails unless the call fails, and like this. */
export async function expectError(
  call: Promise<unknown>,
  expected: Partial<Omit<SeenError, "error">>,
): Promise<SeenError> {
  const seen = await errorOf(call);
  expect(seen).toMatchObject(expected);
  return seen;
}

/** Fails unless each of the calls, which are under way, fails like this. */
export function expectErrors(
  calls: readonly Promise<unknown>[],
  expected: Partial<Omit<SeenError, "error">>,
): Promise<SeenError[]> {
  return Promise.all(calls.map((call) => expectError(call, expected)));
}

/** FIELD_INVALID for exactly these fields. */
export function invalid(...fields: string[]) {
  return { code: "InvalidArgument", reason: "FIELD_INVALID", fields };
}

/** PERMISSION_MISSING, with the name of the permission. */
export function denied(permission: string) {
  return { code: "PermissionDenied", reason: "PERMISSION_MISSING", metadata: { permission } };
}

export const unauthenticated = { code: "Unauthenticated", reason: "CREDENTIAL_INVALID" };

export const secretNotFound = {
  code: "NotFound",
  reason: "SECRET_NOT_FOUND",
  metadata: {},
  message: "there is no such secret",
};

/** ETAG_MISMATCH, with the etag that would have matched. */
export function staleEtag(current: string | undefined) {
  return { code: "Aborted", reason: "ETAG_MISMATCH", metadata: { etag: current ?? "" } };
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
    resources: error
      .findDetails(ResourceInfoSchema)
      .map(({ resourceType, resourceName }) => `${resourceType} ${resourceName}`),
    hasRetryInfo: error.findDetails(RetryInfoSchema).length > 0,
    message: error.rawMessage,
    error,
  };
}

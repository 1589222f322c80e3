// Errors as Superserve's documents show them: a word and a sentence.
import type { JsonValue } from "@bufbuild/protobuf";
import type { Reason } from "../../domain/error/error-reasons.ts";
import { CofferError } from "../../domain/error/errors.ts";

const httpStatuses: Partial<Record<Reason, number>> = {
  BINDING_LIMIT: 400,
  QUOTA_EXCEEDED: 403,
  IDEMPOTENCY_KEY_REUSED: 409,
  KEY_NOT_ACTIVE: 409,
  SECRET_SOFT_DELETED: 404,
};

const codes: Readonly<Record<number, string>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  429: "rate_limited",
  501: "not_implemented",
};

/** Changes the error of a secret that the body names to 400. 404 would mean the resource in the path. */
export function asUnknownSecret(error: unknown): unknown {
  if (!isUnknownSecret(error)) return error;
  const { env_key: envKey } = error.metadata;
  const field = envKey === undefined ? "secret_name" : `secrets[${JSON.stringify(envKey)}]`;
  const description = "the secret is not found";
  const violations = [{ field, description }];
  // The cause must stay: the audit trail takes denials from it.
  return new CofferError("FIELD_INVALID", `${field}: ${description}`, { field }, { violations, cause: error });
}

function isUnknownSecret(error: unknown): error is CofferError {
  return error instanceof CofferError && (error.reason === "SECRET_NOT_FOUND" || error.reason === "NO_EGRESS_RULE");
}

export function showSuperserveError(error: CofferError, usual: number): { httpStatus: number; body: JsonValue } {
  const httpStatus = httpStatuses[error.reason] ?? usual;
  return { httpStatus, body: { error: { code: codeOf(error, httpStatus), message: messageOf(error) } } };
}

function codeOf({ cause }: CofferError, httpStatus: number): string {
  if (httpStatus === 400 && isUnknownSecret(cause)) return "secret_not_found";
  return codes[httpStatus] ?? (httpStatus < 500 ? "bad_request" : "internal_error");
}

/** Returns every broken rule in one sentence. */
function messageOf({ message, violations }: CofferError): string {
  if (violations.length < 2) return message;
  return violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
}

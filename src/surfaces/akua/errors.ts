// Errors as Akua's documents show them: an integer code, the reason as a word in the metadata, the field as a path.
import type { JsonValue } from "@bufbuild/protobuf";
import type { Reason } from "../../domain/error/error-reasons.ts";
import type { CofferError } from "../../domain/error/errors.ts";
import { contextHeader } from "./headers.ts";

// One number a reason; 7002 is the one that Akua's documents show. Numbers are never reused.
export const akuaCodes: Readonly<Record<Reason, number>> = {
  FIELD_INVALID: 7001,
  SECRET_NOT_FOUND: 7002,
  REQUEST_MALFORMED: 7003,
  REQUEST_TOO_LARGE: 7004,
  REQUEST_TIMEOUT: 7005,
  UNSUPPORTED_MEDIA_TYPE: 7006,
  METHOD_NOT_ALLOWED: 7007,
  ROUTE_NOT_FOUND: 7008,
  METHOD_UNIMPLEMENTED: 7009,
  WORKSPACE_REQUIRED: 7010,
  COMPRESSION_UNSUPPORTED: 7011,
  COMPRESSION_UNDECLARED: 7012,
  MESSAGE_COUNT: 7013,
  MACHINE_UNSUPPORTED: 7014,
  CREDENTIAL_MISSING: 7101,
  CREDENTIAL_INVALID: 7102,
  PERMISSION_MISSING: 7103,
  WORKSPACE_NOT_REACHED: 7104,
  GRANT_EXCEEDS_CALLER: 7105,
  ACCESS_POLICY_DENIED: 7330,
  RATE_LIMITED: 7106,
  QUOTA_EXCEEDED: 7107,
  VERSION_NOT_FOUND: 7201,
  VERSION_DESTROYED: 7202,
  KEY_NOT_FOUND: 7203,
  TOKEN_NOT_FOUND: 7204,
  WORKSPACE_NOT_FOUND: 7205,
  SANDBOX_NOT_FOUND: 7206,
  BINDING_NOT_FOUND: 7207,
  NO_EGRESS_RULE: 7370,
  ENV_KEY_TAKEN: 7371,
  BINDING_LIMIT: 7372,
  EGRESS_RULE_FIXED: 7373,
  NAME_TAKEN: 7301,
  SECRET_ACTIVE: 7302,
  SECRET_SOFT_DELETED: 7303,
  VERSION_DISABLED: 7304,
  VERSION_ALREADY_DESTROYED: 7305,
  NOT_REVEALABLE: 7306,
  KEY_NOT_ACTIVE: 7307,
  VALUE_FORM_UNSUPPORTED: 7308,
  TOKEN_NOT_ACTIVE: 7320,
  NO_CREDENTIAL: 7309,
  VALIDATION_OFF: 7310,
  ETAG_MISMATCH: 7401,
  CURRENT_VERSION_MISMATCH: 7402,
  CONCURRENT_CHANGE: 7403,
  IDEMPOTENCY_KEY_REUSED: 7404,
  IDEMPOTENCY_KEY_IN_USE: 7405,
  DEPENDENCY_UNAVAILABLE: 7501,
  OUTCOME_UNKNOWN: 7502,
  AUDIT_UNAVAILABLE: 7503,
  SHUTTING_DOWN: 7504,
  DEADLINE_EXCEEDED: 7505,
  LIST_TIMEOUT: 7510,
  CANCELED: 7506,
  VALUE_CORRUPT: 7507,
  INTERNAL: 7508,
  ISSUER_UNAVAILABLE: 7520,
  ROOT_KEY_MISSING: 7521,
  PROVIDER_UNAVAILABLE: 7509,
  KEY_NAME_TAKEN: 7340,
  KEY_PENDING_DESTRUCTION: 7341,
  KEY_DESTROYED: 7342,
  KEY_USE_UNSUPPORTED: 7343,
  KEY_NOT_EXPORTABLE: 7344,
  KEY_NOT_ROTATABLE: 7345,
  CIPHERTEXT_INVALID: 7346,
  ACCESS_RULE_NOT_FOUND: 7360,
  ACCESS_RULE_LIMIT: 7361,
  VAULT_CONNECTION_NOT_FOUND: 7350,
  VAULT_CONNECTION_NAME_TAKEN: 7351,
  VAULT_CONNECTION_IN_USE: 7352,
  VAULT_CHECK_FAILED: 7353,
  VAULT_REFERENCE_FAILED: 7354,
  VAULT_UNAVAILABLE: 7355,
};

// The words that Akua's documents use instead of the reason.
const words: Partial<Record<Reason, string>> = {
  ETAG_MISMATCH: "ABORTED",
  NAME_TAKEN: "ALREADY_EXISTS",
  SECRET_ACTIVE: "ALREADY_EXISTS",
};

// Fields of coffer.v1 that are headers in this API.
const headers: Readonly<Record<string, string>> = { workspace_id: contextHeader };

// Other APIs answer 400 to FAILED_PRECONDITION. Akua answers 409 if the state of a resource forbids the call, and 410 if it is destroyed.
const httpStatuses: Partial<Record<Reason, number>> = {
  IDEMPOTENCY_KEY_REUSED: 409,
  SECRET_SOFT_DELETED: 409,
  VERSION_DISABLED: 409,
  VERSION_ALREADY_DESTROYED: 409,
  NOT_REVEALABLE: 409,
  VALUE_FORM_UNSUPPORTED: 409,
  KEY_NOT_ACTIVE: 409,
  KEY_PENDING_DESTRUCTION: 409,
  KEY_DESTROYED: 409,
  TOKEN_NOT_ACTIVE: 409,
  VAULT_REFERENCE_FAILED: 409,
  VERSION_DESTROYED: 410,
};

export function showAkuaError(error: CofferError, httpStatus: number): { httpStatus: number; body: JsonValue } {
  const { reason } = error;
  return {
    httpStatus: httpStatuses[reason] ?? httpStatus,
    body: { success: false, errors: errorsOf(error), result: {} },
  };
}

function errorsOf(error: CofferError): JsonValue[] {
  const code = akuaCodes[error.reason];
  const metadata = { ...error.metadata, reason: words[error.reason] ?? error.reason };
  if (error.violations.length === 0) return [{ code, message: error.message, metadata }];
  return error.violations.map(({ field: name, description }) => {
    const field = Object.hasOwn(headers, name) ? (headers[name] ?? name) : name;
    return { code, message: `${field}: ${description}`, path: pathOf(field), metadata: { ...metadata, field } };
  });
}

/** `labels["a.b"]` → `labels`, `a.b`. */
function pathOf(field: string): string[] {
  const parts = field.match(/[^.[\]"]+|"(?:[^"\\]|\\.)*"/g) ?? [field];
  return parts.map((part) => (part.startsWith('"') ? String(JSON.parse(part)) : part));
}

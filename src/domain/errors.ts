// The one error type of coffer and the one table of its reasons.

/** The canonical status codes that coffer uses (google.rpc.Code). */
export type CodeName =
  | "INVALID_ARGUMENT"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "ABORTED"
  | "FAILED_PRECONDITION"
  | "RESOURCE_EXHAUSTED"
  | "DEADLINE_EXCEEDED"
  | "CANCELED"
  | "UNIMPLEMENTED"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "INTERNAL";

const reasonTable = {
  // The request itself
  FIELD_INVALID: { code: "INVALID_ARGUMENT" },
  REQUEST_MALFORMED: { code: "INVALID_ARGUMENT" },
  REQUEST_TOO_LARGE: { code: "RESOURCE_EXHAUSTED", httpStatus: 413 },
  REQUEST_TIMEOUT: { code: "DEADLINE_EXCEEDED", httpStatus: 408 },
  UNSUPPORTED_MEDIA_TYPE: { code: "INVALID_ARGUMENT", httpStatus: 415 },
  METHOD_NOT_ALLOWED: { code: "UNIMPLEMENTED", httpStatus: 405 },
  ROUTE_NOT_FOUND: { code: "NOT_FOUND" },
  METHOD_UNIMPLEMENTED: { code: "UNIMPLEMENTED", httpStatus: 404 },
  WORKSPACE_REQUIRED: { code: "INVALID_ARGUMENT" },
  // Who asks
  CREDENTIAL_MISSING: { code: "UNAUTHENTICATED" },
  CREDENTIAL_INVALID: { code: "UNAUTHENTICATED" },
  PERMISSION_MISSING: { code: "PERMISSION_DENIED" },
  WORKSPACE_NOT_REACHED: { code: "PERMISSION_DENIED" },
  GRANT_EXCEEDS_CALLER: { code: "PERMISSION_DENIED" },
  RATE_LIMITED: { code: "RESOURCE_EXHAUSTED" },
  // What it is about
  SECRET_NOT_FOUND: { code: "NOT_FOUND" },
  VERSION_NOT_FOUND: { code: "NOT_FOUND" },
  VERSION_DESTROYED: { code: "NOT_FOUND" },
  KEY_NOT_FOUND: { code: "NOT_FOUND" },
  TOKEN_NOT_FOUND: { code: "NOT_FOUND" },
  WORKSPACE_NOT_FOUND: { code: "NOT_FOUND" },
  NAME_TAKEN: { code: "ALREADY_EXISTS" },
  SECRET_ACTIVE: { code: "ALREADY_EXISTS" },
  SECRET_SOFT_DELETED: { code: "FAILED_PRECONDITION" },
  VERSION_DISABLED: { code: "FAILED_PRECONDITION" },
  VERSION_ALREADY_DESTROYED: { code: "FAILED_PRECONDITION" },
  NOT_REVEALABLE: { code: "FAILED_PRECONDITION" },
  KEY_NOT_ACTIVE: { code: "FAILED_PRECONDITION" },
  // Concurrency and retries
  ETAG_MISMATCH: { code: "ABORTED" },
  CURRENT_VERSION_MISMATCH: { code: "ABORTED" },
  CONCURRENT_CHANGE: { code: "ABORTED" },
  IDEMPOTENCY_KEY_REUSED: { code: "FAILED_PRECONDITION" },
  IDEMPOTENCY_KEY_IN_USE: { code: "ABORTED" },
  // What failed here
  DEPENDENCY_UNAVAILABLE: { code: "UNAVAILABLE" },
  OUTCOME_UNKNOWN: { code: "UNAVAILABLE" },
  AUDIT_UNAVAILABLE: { code: "UNAVAILABLE" },
  SHUTTING_DOWN: { code: "UNAVAILABLE" },
  DEADLINE_EXCEEDED: { code: "DEADLINE_EXCEEDED" },
  CANCELED: { code: "CANCELED" },
  VALUE_CORRUPT: { code: "DATA_LOSS" },
  INTERNAL: { code: "INTERNAL" },
} as const satisfies Record<string, { code: CodeName; httpStatus?: number }>;

/** Why a call failed, stable for programs: `ErrorInfo.reason`. */
export type Reason = keyof typeof reasonTable;

/** Every reason with its canonical code and, where the code's usual HTTP status does not fit, its own. */
export const reasons: Readonly<Record<Reason, { code: CodeName; httpStatus?: number }>> = reasonTable;

/** One broken rule: the request field it is about (`secret.labels`, or a header's name) and the rule in words, without the value. */
export interface FieldViolation {
  field: string;
  description: string;
}

interface CofferErrorExtras {
  /** All broken rules, for FIELD_INVALID. */
  violations?: readonly FieldViolation[];
  /** When a retry may help, in milliseconds from now. */
  retryDelayMs?: number;
  /** What stands in the way, for conflicts. */
  resource?: { type: string; name: string };
  cause?: unknown;
}

/** An error for the caller: its message and metadata are public, its cause never leaves the process. */
export class CofferError extends Error {
  override readonly name = "CofferError";
  readonly reason: Reason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;
  readonly resource: { type: string; name: string } | undefined;

  constructor(
    reason: Reason,
    publicMessage: string,
    metadata: Record<string, string> = {},
    extras: CofferErrorExtras = {},
  ) {
    super(publicMessage, "cause" in extras ? { cause: extras.cause } : undefined);
    this.reason = reason;
    this.metadata = metadata;
    this.violations = extras.violations ?? [];
    this.retryDelayMs = extras.retryDelayMs;
    this.resource = extras.resource;
  }
}

/** FIELD_INVALID for one or more fields; the message names the first of them. */
export function invalidFields(violations: readonly [FieldViolation, ...FieldViolation[]]): CofferError {
  const [first, ...others] = violations;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return new CofferError(
    "FIELD_INVALID",
    `${first.field}: ${first.description}${more}`,
    { field: first.field },
    { violations },
  );
}

/** FIELD_INVALID for one field. */
export function invalidField(field: string, description: string): CofferError {
  return invalidFields([{ field, description }]);
}

/** Never reached when a switch is complete; the compiler checks it. */
export function assertNever(value: never): never {
  throw new Error(`unexpected ${typeof value}`);
}

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

interface ReasonEntry {
  code: CodeName;
  /** Where the code's usual HTTP status does not fit. */
  httpStatus?: number;
  /** For the documents. */
  when: string;
}

const reasonTable = {
  // The request itself
  FIELD_INVALID: { code: "INVALID_ARGUMENT", when: "a field breaks a rule; all broken rules are listed" },
  REQUEST_MALFORMED: {
    code: "INVALID_ARGUMENT",
    when: "the request is no valid HTTP, JSON, UTF-8 or Protobuf, or a security header comes twice",
  },
  REQUEST_TOO_LARGE: {
    code: "RESOURCE_EXHAUSTED",
    httpStatus: 413,
    when: "the body is larger than 1 MiB, or inflates to more than 100 times its size",
  },
  REQUEST_TIMEOUT: { code: "DEADLINE_EXCEEDED", httpStatus: 408, when: "the body did not arrive in time" },
  UNSUPPORTED_MEDIA_TYPE: {
    code: "INVALID_ARGUMENT",
    httpStatus: 415,
    when: "the content type is not served",
  },
  COMPRESSION_UNSUPPORTED: {
    code: "UNIMPLEMENTED",
    httpStatus: 415,
    when: "the body or message has a compression other than gzip and br; a header of the answer lists what is accepted",
  },
  COMPRESSION_UNDECLARED: {
    code: "INTERNAL",
    httpStatus: 400,
    when: "a gRPC message says that it is compressed, and the request does not say how",
  },
  MESSAGE_COUNT: { code: "UNIMPLEMENTED", when: "a unary gRPC call has no message, or more than one" },
  METHOD_NOT_ALLOWED: { code: "UNIMPLEMENTED", httpStatus: 405, when: "the path is served for other HTTP methods" },
  ROUTE_NOT_FOUND: { code: "NOT_FOUND", when: "the path is not served" },
  METHOD_UNIMPLEMENTED: { code: "UNIMPLEMENTED", when: "there is no such RPC" },
  MACHINE_UNSUPPORTED: {
    code: "UNIMPLEMENTED",
    when: "coffer starts no machines: sandboxes have no templates, snapshots, time-outs and pauses; leave these fields out",
  },
  WORKSPACE_REQUIRED: {
    code: "INVALID_ARGUMENT",
    when: "the token reaches several workspaces and the request names none",
  },
  // Who asks
  CREDENTIAL_MISSING: { code: "UNAUTHENTICATED", when: "no credential was sent" },
  CREDENTIAL_INVALID: { code: "UNAUTHENTICATED", when: "the credential is unknown, expired or revoked" },
  PERMISSION_MISSING: { code: "PERMISSION_DENIED", when: "no rule allows it; the metadata names the permission" },
  ACCESS_POLICY_DENIED: {
    code: "PERMISSION_DENIED",
    when: "the secret's access policy denies it, to this address, now or to this principal; the metadata names the condition",
  },
  WORKSPACE_NOT_REACHED: {
    code: "PERMISSION_DENIED",
    when: "the credential does not reach the named workspace, if there is one",
  },
  GRANT_EXCEEDS_CALLER: { code: "PERMISSION_DENIED", when: "nobody grants what they do not hold" },
  RATE_LIMITED: { code: "RESOURCE_EXHAUSTED", when: "too many requests; retry after the delay" },
  QUOTA_EXCEEDED: { code: "RESOURCE_EXHAUSTED", when: "the workspace holds all that its tier allows" },
  // What it is about
  SECRET_NOT_FOUND: { code: "NOT_FOUND", when: "there is no such secret for this caller, or no value of it to be had" },
  VERSION_NOT_FOUND: { code: "NOT_FOUND", when: "the secret has no such version" },
  VERSION_DESTROYED: { code: "NOT_FOUND", when: "the value of this version is gone for good" },
  KEY_NOT_FOUND: { code: "NOT_FOUND", when: "there is no such key for this caller" },
  ACCESS_RULE_NOT_FOUND: { code: "NOT_FOUND", when: "there is no such access rule for this caller" },
  TOKEN_NOT_FOUND: { code: "NOT_FOUND", when: "there is no such token for this caller" },
  SANDBOX_NOT_FOUND: { code: "NOT_FOUND", when: "there is no such sandbox for this caller" },
  VAULT_CONNECTION_NOT_FOUND: { code: "NOT_FOUND", when: "there is no such vault connection for this caller" },
  BINDING_NOT_FOUND: { code: "NOT_FOUND", when: "nothing is bound to this environment variable of the sandbox" },
  WORKSPACE_NOT_FOUND: { code: "NOT_FOUND", when: "there is no such workspace for this caller" },
  NAME_TAKEN: { code: "ALREADY_EXISTS", when: "an active secret has this path; the metadata holds its id" },
  SECRET_ACTIVE: { code: "ALREADY_EXISTS", when: "the secret is not deleted" },
  SECRET_SOFT_DELETED: { code: "FAILED_PRECONDITION", when: "the secret is deleted; undelete it first" },
  VERSION_DISABLED: { code: "FAILED_PRECONDITION", when: "the version is disabled" },
  VERSION_ALREADY_DESTROYED: { code: "FAILED_PRECONDITION", when: "a destroyed version stays destroyed" },
  NOT_REVEALABLE: { code: "FAILED_PRECONDITION", when: "the secret was made so that no call returns its value" },
  EGRESS_RULE_FIXED: {
    code: "FAILED_PRECONDITION",
    when: "no call returns the value of the secret, so where it may go was fixed when it was made; limits may change, and the rule be removed",
  },
  NO_EGRESS_RULE: {
    code: "FAILED_PRECONDITION",
    when: "the secret has no egress rule, so that it may go nowhere; give it one first",
  },
  ENV_KEY_TAKEN: { code: "ALREADY_EXISTS", when: "a secret is bound to this environment variable already" },
  BINDING_LIMIT: {
    code: "RESOURCE_EXHAUSTED",
    when: "the sandbox has as many secrets as it may have; unbind some first",
  },
  VALUE_FORM_UNSUPPORTED: {
    code: "FAILED_PRECONDITION",
    when: "the value is no text, or made of parts, which this API cannot show; `coffer.v1` can",
  },
  NO_CREDENTIAL: { code: "FAILED_PRECONDITION", when: "secrets of this kind are no credentials that could be tried" },
  VALIDATION_OFF: { code: "FAILED_PRECONDITION", when: "this coffer is configured not to try credentials" },
  KEY_NOT_ACTIVE: { code: "FAILED_PRECONDITION", when: "the key that wraps it is not active" },
  KEY_NAME_TAKEN: {
    code: "ALREADY_EXISTS",
    when: "another key of the region has this name; the metadata holds its id",
  },
  KEY_PENDING_DESTRUCTION: {
    code: "FAILED_PRECONDITION",
    when: "the key is scheduled for destruction; cancel that first",
  },
  KEY_DESTROYED: { code: "FAILED_PRECONDITION", when: "a destroyed key stays destroyed" },
  KEY_USE_UNSUPPORTED: {
    code: "INVALID_ARGUMENT",
    when: "keys with this algorithm cannot do this; the message names the algorithms that can",
  },
  KEY_NOT_EXPORTABLE: {
    code: "FAILED_PRECONDITION",
    when: "the key was made without `export_allowed`, so its material never leaves coffer",
  },
  KEY_NOT_ROTATABLE: {
    code: "FAILED_PRECONDITION",
    when: "the key was imported without `allow_rotation`; import the new material as a new key",
  },
  CIPHERTEXT_INVALID: {
    code: "INVALID_ARGUMENT",
    when: "the ciphertext was changed, or was encrypted with another key or another context",
  },
  ACCESS_RULE_LIMIT: {
    code: "RESOURCE_EXHAUSTED",
    when: "the workspace has as many access rules as it may have; delete some first",
  },
  VAULT_CONNECTION_NAME_TAKEN: {
    code: "ALREADY_EXISTS",
    when: "another vault connection has this name; the metadata holds its id",
  },
  VAULT_CONNECTION_IN_USE: {
    code: "FAILED_PRECONDITION",
    when: "secrets refer to this vault connection; the metadata holds ids of them",
  },
  VAULT_CHECK_FAILED: {
    code: "FAILED_PRECONDITION",
    when: "the vault does not take the connection as it is; the metadata holds the cause",
  },
  VAULT_REFERENCE_FAILED: {
    code: "FAILED_PRECONDITION",
    when: "a reference to a vault stands for nothing that could be returned; the metadata holds the field and the cause",
  },
  TOKEN_NOT_ACTIVE: { code: "FAILED_PRECONDITION", when: "a revoked or expired token stays so; create another" },
  // Concurrency and retries
  ETAG_MISMATCH: { code: "ABORTED", when: "the resource has changed; the metadata holds the current etag" },
  CURRENT_VERSION_MISMATCH: { code: "ABORTED", when: "expected_current_version is not the current one" },
  CONCURRENT_CHANGE: { code: "ABORTED", when: "another change of the same thing is under way; retry" },
  IDEMPOTENCY_KEY_REUSED: { code: "FAILED_PRECONDITION", when: "the idempotency key was used for another request" },
  IDEMPOTENCY_KEY_IN_USE: { code: "ABORTED", when: "a call with this idempotency key is still running; retry" },
  // What failed here
  DEPENDENCY_UNAVAILABLE: { code: "UNAVAILABLE", when: "the database is away; retry" },
  ISSUER_UNAVAILABLE: {
    code: "UNAVAILABLE",
    when: "the issuer of a JWT cannot be asked for its keys, so nobody knows whether it is valid; retry",
  },
  OUTCOME_UNKNOWN: { code: "UNAVAILABLE", when: "the change may have been made; retry with the same idempotency key" },
  PROVIDER_UNAVAILABLE: {
    code: "UNAVAILABLE",
    when: "the service that a credential is for said neither yes nor no; retry",
  },
  VAULT_UNAVAILABLE: {
    code: "UNAVAILABLE",
    when: "a vault gave no answer of use; the metadata holds the cause, and the field of a reference; retry",
  },
  AUDIT_UNAVAILABLE: { code: "UNAVAILABLE", when: "the audit trail cannot be written, so nothing is revealed; retry" },
  SHUTTING_DOWN: { code: "UNAVAILABLE", when: "this instance is stopping; retry" },
  LIST_TIMEOUT: {
    code: "RESOURCE_EXHAUSTED",
    when: "reading a page of the list took too long; narrow the list, for example to one path prefix, or retry later",
  },
  DEADLINE_EXCEEDED: { code: "DEADLINE_EXCEEDED", when: "the caller's deadline has passed" },
  CANCELED: { code: "CANCELED", when: "the caller went away" },
  ROOT_KEY_MISSING: {
    code: "UNAVAILABLE",
    when: "the root key that wraps the needed key is not in the keyring of this instance; `metadata` has its id; the operator must add it",
  },
  VALUE_CORRUPT: { code: "DATA_LOSS", when: "what is stored does not authenticate; nothing of it is returned" },
  INTERNAL: { code: "INTERNAL", when: "coffer's own fault; the log has it under the request id" },
} as const satisfies Record<string, ReasonEntry>;

/** Why a call failed, stable for programs: `ErrorInfo.reason`. */
export type Reason = keyof typeof reasonTable;

/** Every reason with its canonical code. */
export const reasons: Readonly<Record<Reason, ReasonEntry>> = reasonTable;

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
  /** Response headers, in every protocol. */
  headers?: Readonly<Record<string, string>>;
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
  readonly headers: Readonly<Record<string, string>>;

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
    this.headers = extras.headers ?? {};
  }

  /** The same error with other names for the fields of its violations. */
  withFields(rename: (field: string) => string): CofferError {
    const violations = this.violations.map(({ field, description }) => ({ field: rename(field), description }));
    const [from, to] = [this.violations[0]?.field ?? "", violations[0]?.field ?? ""];
    const message = this.message.startsWith(`${from}: `) ? `${to}${this.message.slice(from.length)}` : this.message;
    const metadata = this.metadata["field"] === from ? { ...this.metadata, field: to } : { ...this.metadata };
    const { retryDelayMs, resource, headers, cause } = this;
    return new CofferError(this.reason, message, metadata, {
      violations,
      headers,
      ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
      ...(resource === undefined ? {} : { resource }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** The denial that an error is, or that it hides from the caller. */
export function denialIn(error: CofferError): CofferError | undefined {
  if (reasons[error.reason].code === "PERMISSION_DENIED") return error;
  return error.cause instanceof CofferError ? denialIn(error.cause) : undefined;
}

// More would not fit into the headers in which gRPC sends errors.
const violationsMax = 50;

/** FIELD_INVALID for one or more fields; the message names the first of them. */
export function invalidFields(all: readonly [FieldViolation, ...FieldViolation[]]): CofferError {
  const [first] = all;
  const violations = all.slice(0, violationsMax);
  const more = all.length === 1 ? "" : ` (and ${all.length - 1} more)`;
  return new CofferError(
    "FIELD_INVALID",
    `${first.field}: ${first.description}${more}`,
    { field: first.field },
    { violations },
  );
}

/** Fails with FIELD_INVALID if there are violations. */
export function failOn([first, ...others]: readonly FieldViolation[]): void {
  if (first) throw invalidFields([first, ...others]);
}

/** FIELD_INVALID for one field. */
export function invalidField(field: string, description: string): CofferError {
  return invalidFields([{ field, description }]);
}

/** Runs every check, and fails with all the broken rules that they found, not only with the first. */
export function checkAll(...checks: readonly (() => unknown)[]): void {
  const violations: FieldViolation[] = [];
  for (const check of checks) readOr(undefined, violations, check);
  // Two checks may look at one thing.
  const isSame = (a: FieldViolation, b: FieldViolation) => a.field === b.field && a.description === b.description;
  failOn(violations.filter((violation, i) => violations.findIndex((other) => isSame(violation, other)) === i));
}

/** Runs `read`. If what it reads breaks rules, adds them to `broken` and returns `otherwise`. */
export function readOr<T>(otherwise: T, broken: FieldViolation[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CofferError && error.reason === "FIELD_INVALID")) throw error;
    broken.push(...error.violations);
    return otherwise;
  }
}

/** Runs `read`; the fields that it finds broken are below `field`. */
export function withinField<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CofferError && error.reason === "FIELD_INVALID")) throw error;
    const [first, ...others] = error.violations.map((each) => ({ ...each, field: `${field}.${each.field}` }));
    throw first ? invalidFields([first, ...others]) : error;
  }
}

/** Never reached when a switch is complete; the compiler checks it. */
export function assertNever(value: never): never {
  throw new Error(`unexpected ${typeof value}`);
}

// The table of all error reasons.

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
  /** The HTTP status, if it is not the usual one of the code. */
  httpStatus?: number;
  /** The sentence in docs/errors.md. */
  when: string;
}

const reasonTable = {
  // The request itself
  FIELD_INVALID: { code: "INVALID_ARGUMENT", when: "a field breaks a rule; all broken rules are listed" },
  REQUEST_MALFORMED: {
    code: "INVALID_ARGUMENT",
    when: "the request is not valid HTTP, JSON, UTF-8 or Protobuf, or it has a security header twice",
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
  METHOD_UNIMPLEMENTED: { code: "UNIMPLEMENTED", when: "the RPC is not known" },
  MACHINE_UNSUPPORTED: {
    code: "UNIMPLEMENTED",
    when: "coffer starts no machines: sandboxes have no templates, snapshots, time-outs and pauses; leave these fields out",
  },
  WORKSPACE_REQUIRED: {
    code: "INVALID_ARGUMENT",
    when: "the token reaches several workspaces and the request does not name one",
  },
  // The caller
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
  GRANT_EXCEEDS_CALLER: {
    code: "PERMISSION_DENIED",
    when: "the caller tried to grant a permission that it does not hold",
  },
  RATE_LIMITED: { code: "RESOURCE_EXHAUSTED", when: "too many requests; retry after the delay" },
  QUOTA_EXCEEDED: { code: "RESOURCE_EXHAUSTED", when: "the workspace has as many of these as its tier allows" },
  // The resource
  SECRET_NOT_FOUND: {
    code: "NOT_FOUND",
    when: "the secret does not exist, or the caller may not see it, or it has no value to return",
  },
  VERSION_NOT_FOUND: { code: "NOT_FOUND", when: "the secret does not have this version" },
  VERSION_DESTROYED: { code: "NOT_FOUND", when: "the version is destroyed; its value cannot be restored" },
  KEY_NOT_FOUND: { code: "NOT_FOUND", when: "the key does not exist, or the caller may not see it" },
  ACCESS_RULE_NOT_FOUND: { code: "NOT_FOUND", when: "the access rule does not exist, or the caller may not see it" },
  TOKEN_NOT_FOUND: { code: "NOT_FOUND", when: "the token does not exist, or the caller may not see it" },
  SANDBOX_NOT_FOUND: { code: "NOT_FOUND", when: "the sandbox does not exist, or the caller may not see it" },
  VAULT_CONNECTION_NOT_FOUND: {
    code: "NOT_FOUND",
    when: "the vault connection does not exist, or the caller may not see it",
  },
  BINDING_NOT_FOUND: { code: "NOT_FOUND", when: "no secret is bound to this environment variable of the sandbox" },
  WORKSPACE_NOT_FOUND: { code: "NOT_FOUND", when: "the workspace does not exist, or the caller may not see it" },
  NAME_TAKEN: { code: "ALREADY_EXISTS", when: "an active secret has this path; the metadata holds its id" },
  SECRET_ACTIVE: { code: "ALREADY_EXISTS", when: "the secret is not deleted" },
  SECRET_SOFT_DELETED: { code: "FAILED_PRECONDITION", when: "the secret is deleted; undelete it first" },
  VERSION_DISABLED: { code: "FAILED_PRECONDITION", when: "the version is disabled" },
  VERSION_ALREADY_DESTROYED: { code: "FAILED_PRECONDITION", when: "the version is destroyed; this cannot be undone" },
  NOT_REVEALABLE: {
    code: "FAILED_PRECONDITION",
    when: "the secret was created with `revealable: false`: no call returns its value",
  },
  EGRESS_RULE_FIXED: {
    code: "FAILED_PRECONDITION",
    when: "the secret is not revealable, so the hosts of its egress rule were fixed when it was created; its limits can be changed, and the rule can be removed",
  },
  NO_EGRESS_RULE: {
    code: "FAILED_PRECONDITION",
    when: "the secret has no egress rule, so the proxy may not send it; set a rule first",
  },
  ENV_KEY_TAKEN: { code: "ALREADY_EXISTS", when: "a secret is bound to this environment variable already" },
  BINDING_LIMIT: {
    code: "RESOURCE_EXHAUSTED",
    when: "the sandbox has the maximum number of secrets; unbind one first",
  },
  VALUE_FORM_UNSUPPORTED: {
    code: "FAILED_PRECONDITION",
    when: "the value is not text, or consists of parts, which this API cannot show; `coffer.v1` can",
  },
  NO_CREDENTIAL: {
    code: "FAILED_PRECONDITION",
    when: "secrets of this kind are not credentials, so they cannot be validated",
  },
  VALIDATION_OFF: {
    code: "FAILED_PRECONDITION",
    when: "validation is switched off in the configuration of this coffer",
  },
  KEY_NOT_ACTIVE: { code: "FAILED_PRECONDITION", when: "the key is not active" },
  KEY_NAME_TAKEN: {
    code: "ALREADY_EXISTS",
    when: "another key of the region has this name; the metadata holds its id",
  },
  KEY_PENDING_DESTRUCTION: {
    code: "FAILED_PRECONDITION",
    when: "the key is scheduled for destruction; cancel that first",
  },
  KEY_DESTROYED: { code: "FAILED_PRECONDITION", when: "the key is destroyed; this cannot be undone" },
  KEY_USE_UNSUPPORTED: {
    code: "INVALID_ARGUMENT",
    when: "keys with this algorithm cannot do this; the message names the algorithms that can",
  },
  KEY_NOT_EXPORTABLE: {
    code: "FAILED_PRECONDITION",
    when: "the key was created without `export_allowed`, so its material cannot be exported",
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
    when: "the workspace has the maximum number of access rules; delete one first",
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
    when: "the vault refused the connection; the metadata holds the cause",
  },
  VAULT_REFERENCE_FAILED: {
    code: "FAILED_PRECONDITION",
    when: "a reference to a vault could not be resolved; the metadata holds the field and the cause",
  },
  TOKEN_NOT_ACTIVE: { code: "FAILED_PRECONDITION", when: "the token is revoked or expired; create another" },
  // Concurrency and retries
  ETAG_MISMATCH: { code: "ABORTED", when: "the resource has changed; the metadata holds the current etag" },
  CURRENT_VERSION_MISMATCH: { code: "ABORTED", when: "`expected_current_version` is not the current version" },
  CONCURRENT_CHANGE: { code: "ABORTED", when: "another change of the same resource is in progress; retry" },
  IDEMPOTENCY_KEY_REUSED: { code: "FAILED_PRECONDITION", when: "the idempotency key was used for another request" },
  IDEMPOTENCY_KEY_IN_USE: { code: "ABORTED", when: "a call with this idempotency key is still running; retry" },
  // Failures of coffer and of services behind it
  DEPENDENCY_UNAVAILABLE: { code: "UNAVAILABLE", when: "the database is unavailable; retry" },
  ISSUER_UNAVAILABLE: {
    code: "UNAVAILABLE",
    when: "the keys of the issuer of the JWT cannot be fetched, so the JWT cannot be verified; retry",
  },
  OUTCOME_UNKNOWN: { code: "UNAVAILABLE", when: "the change may have been made; retry with the same idempotency key" },
  PROVIDER_UNAVAILABLE: {
    code: "UNAVAILABLE",
    when: "the provider gave no definite answer; retry",
  },
  VAULT_UNAVAILABLE: {
    code: "UNAVAILABLE",
    when: "the vault is unavailable; the metadata holds the cause and the field of the reference; retry",
  },
  AUDIT_UNAVAILABLE: { code: "UNAVAILABLE", when: "the audit event cannot be written, so no value is returned; retry" },
  SHUTTING_DOWN: { code: "UNAVAILABLE", when: "this instance is stopping; retry" },
  LIST_TIMEOUT: {
    code: "RESOURCE_EXHAUSTED",
    when: "reading a page of the list took too long; narrow the list, for example to one path prefix, or retry later",
  },
  DEADLINE_EXCEEDED: { code: "DEADLINE_EXCEEDED", when: "the caller's deadline has passed" },
  CANCELED: { code: "CANCELED", when: "the client closed the connection" },
  ROOT_KEY_MISSING: {
    code: "UNAVAILABLE",
    when: "the root key that wraps the needed key is not in the keyring of this instance; `metadata` has its id; the operator must add it",
  },
  VALUE_CORRUPT: {
    code: "DATA_LOSS",
    when: "the stored data was changed outside coffer: its MAC is not valid, so nothing of it is returned",
  },
  INTERNAL: { code: "INTERNAL", when: "a fault of coffer; the log has the details under the request id" },
} as const satisfies Record<string, ReasonEntry>;

/** The reason of an error, stable for programs: `ErrorInfo.reason`. */
export type Reason = keyof typeof reasonTable;

/** Every reason with its canonical code. */
export const reasons: Readonly<Record<Reason, ReasonEntry>> = reasonTable;

// The caller of an operation: principal, credential, address and workspace.

import type { Permission, Role } from "../access/permission.ts";
import type { MemberRules } from "../access/rule-set.ts";
import type { CallProgress } from "../call-progress.ts";

/** The role and permissions of a principal in one workspace, narrowed to its token. */
export interface Membership {
  workspaceId: string;
  role: Role;
  /** The permissions at every path, from the role. */
  permissions: ReadonlySet<Permission>;
  /** The permissions that rules add at paths; undefined when they could add none. */
  rules: MemberRules | undefined;
}

/** The idempotency key of a mutating call. */
export interface Idempotency {
  key: string;
  /** A keyed HMAC of the decoded request. It is equal for equal requests, and without the key it does not help to guess a weak value. */
  fingerprint: Uint8Array;
}

/** The type of credential: an API token, a JWT of a trusted issuer, or a command on the server. */
export type CredentialKind = "API_TOKEN" | "JWT" | "SYSTEM";

/** The principal of a credential, and its permissions. */
export interface Identity {
  credential: CredentialKind;
  principalId: string;
  /** The id of the credential in the audit trail. */
  tokenId: string;
  /** True for a token that reaches all workspaces of its principal. */
  reachesEveryWorkspace: boolean;
  /** The scopes of the token; empty: not narrowed. */
  scopes: readonly string[];
  /** The time when the token expires. Tokens that it creates expire no later. */
  tokenExpireTime: Date | undefined;
  /** Every workspace that the token reaches. */
  memberships: readonly Membership[];
}

export interface Caller extends Identity {
  /** The workspace of this call; undefined when the token reaches several and the request names none. */
  membership: Membership | undefined;
  /** The client's address, in normal form. */
  address: string;
  userAgent: string;
  requestId: string;
  /** The called method, such as `coffer.v1.SecretService/CreateSecret`. */
  method: string;
  idempotency: Idempotency | undefined;
  /** Undefined for commands and jobs, which have no waiting client. */
  progress?: CallProgress | undefined;
}

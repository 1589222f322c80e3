// Who calls, from where, and about which workspace: what every operation is told.

import type { Permission, Role } from "../access/permission.ts";
import type { MemberRules } from "../access/rule-set.ts";
import type { CallProgress } from "../call-progress.ts";

/** A principal's place in one workspace, as far as the token it calls with reaches. */
export interface Membership {
  workspaceId: string;
  role: Role;
  /** What it may do at every path: by its role. */
  permissions: ReadonlySet<Permission>;
  /** What rules allow beyond that; undefined where they could add nothing. */
  rules: MemberRules | undefined;
}

/** How a mutating call may be repeated safely. */
export interface Idempotency {
  key: string;
  /** A keyed HMAC of the decoded request: equal for equal requests, no oracle for a weak value. */
  fingerprint: Uint8Array;
}

/** What a caller is known by: a token of coffer's own, a JWT of a trusted issuer, or being on coffer's own machine. */
export type CredentialKind = "API_TOKEN" | "JWT" | "SYSTEM";

/** Whom a credential stands for, and what it may do where. */
export interface Identity {
  credential: CredentialKind;
  principalId: string;
  /** Names the credential in the audit trail. */
  tokenId: string;
  /** True for a token that reaches all workspaces of its principal. */
  reachesEveryWorkspace: boolean;
  /** The scopes of the token; none narrow nothing. */
  scopes: readonly string[];
  /** When the token stops working; nothing that it makes lasts longer. */
  tokenExpireTime: Date | undefined;
  /** Every workspace that the token reaches. */
  memberships: readonly Membership[];
}

export interface Caller extends Identity {
  /** The one this call is about; undefined when the token reaches several and the request names none. */
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

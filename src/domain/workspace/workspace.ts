// Workspaces, their members and the tokens they call with.

import type { Role } from "../access/permission.ts";
import type { Unmatched } from "../egress/sandbox.ts";
import { CofferError } from "../error/errors.ts";

/** From the least to the most. */
export const tiers = ["FREE", "PRO", "ENTERPRISE"] as const;

export type Tier = (typeof tiers)[number];

/** The resources that a tier limits. */
export type Limited = "secrets" | "vault connections";

/** The limits of each tier. */
export const tierLimits: Readonly<Record<Tier, Readonly<Record<Limited, number>>>> = {
  FREE: { secrets: 5, "vault connections": 1 },
  PRO: { secrets: 100, "vault connections": 10 },
  ENTERPRISE: { secrets: Number.POSITIVE_INFINITY, "vault connections": Number.POSITIVE_INFINITY },
};

export const tierDefault: Tier = "ENTERPRISE";

export interface Workspace {
  workspaceId: string;
  displayName: string;
  tier: Tier;
  /** The days in which a soft-deleted secret can be undeleted: 0 to 90. */
  purgeRetentionDays: number;
  egressUnmatched: Unmatched;
  /** The number of changes; the etag is this number in decimal. */
  revision: number;
  createTime: Date;
  updateTime: Date;
}

export interface Member {
  workspaceId: string;
  principalId: string;
  role: Role;
}

export interface Principal {
  principalId: string;
  kind: "USER" | "SERVICE";
  displayName: string;
}

export interface ApiToken {
  tokenId: string;
  principalId: string;
  /** The only workspace that the token reaches; undefined: all workspaces of its principal. */
  workspaceId: string | undefined;
  displayName: string;
  /** The first characters of the token, for people to recognize it. */
  prefix: string;
  scopes: string[];
  /** The number of rotations and revocations; the etag is this number in decimal. */
  revision: number;
  createTime: Date;
  expireTime: Date | undefined;
  revokeTime: Date | undefined;
  /** Accurate to five seconds; undefined: never used. */
  lastUsedTime: Date | undefined;
}

export const purgeRetentionDaysDefault = 30;

/** The answer is the same for a token of another principal. */
export function tokenNotFound(): CofferError {
  return new CofferError("TOKEN_NOT_FOUND", "there is no such token");
}

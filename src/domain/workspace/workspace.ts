// Workspaces, their members and the tokens they call with.

import type { Role } from "../access/permission.ts";
import type { Unmatched } from "../egress/sandbox.ts";

/** From the least to the most. */
export const tiers = ["FREE", "PRO", "ENTERPRISE"] as const;

export type Tier = (typeof tiers)[number];

/** What a tier limits. */
export type Limited = "secrets" | "vault connections";

/** How many of each a workspace of the tier may hold. */
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
  /** How long a soft-deleted secret can be undeleted: 0 to 90 days. */
  purgeRetentionDays: number;
  egressUnmatched: Unmatched;
  /** Counts the changes; the etag is this number in decimal. */
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
  /** The only workspace it reaches; undefined: all of its principal's. */
  workspaceId: string | undefined;
  displayName: string;
  /** Its first characters, to tell it from others. */
  prefix: string;
  scopes: string[];
  /** Counts the rotations and the revocation; the etag is this number in decimal. */
  revision: number;
  createTime: Date;
  expireTime: Date | undefined;
  revokeTime: Date | undefined;
  /** To within five seconds; undefined: never. */
  lastUsedTime: Date | undefined;
}

export const purgeRetentionDaysDefault = 30;

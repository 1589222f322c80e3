// Workspaces, their members and the tokens they call with.
import type { Role } from "./permission.ts";

export interface Workspace {
  workspaceId: string;
  displayName: string;
  /** How long a soft-deleted secret can be undeleted: 0 to 90 days. */
  purgeRetentionDays: number;
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

// A secret: the named container of versions, and the pure rules about it.
import type { AccessPolicy } from "../access/access-policy.ts";
import type { Validation } from "../credential/validation.ts";
import type { EgressRule } from "../egress/egress-rule.ts";
import { CofferError, type FieldViolation, failOn } from "../error/errors.ts";

export type SecretState = "ACTIVE" | "SOFT_DELETED";

export interface Secret {
  workspaceId: string;
  secretId: string;
  region: string;
  /** What its creator called it, verbatim. */
  name: string;
  /** `/` + name without a leading slash; unique among the active secrets of a workspace and region. */
  path: string;
  kind: string;
  /** Whose fields the value is made of; empty for kinds whose value is a whole. */
  authMethod: string;
  /** What belongs to a credential without being secret, by name; the same for every version. */
  credentialFields: Record<string, string>;
  /** Undefined for kinds that are no credentials. */
  validation: Validation | undefined;
  description: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  mimeType: string;
  state: SecretState;
  versionAliases: Record<string, number>;
  versionCount: number;
  enabledVersionCount: number;
  /** The newest enabled version, 0 when there is none. */
  currentVersion: number;
  kmsKeyId: string;
  /** From where and when its values may be read and written; undefined: no such bounds. */
  accessPolicy: AccessPolicy | undefined;
  /** False: no call ever returns its plaintext. */
  revealable: boolean;
  /** Counts the changes; the etag is this number in decimal. */
  revision: number;
  createTime: Date;
  updateTime: Date;
  deleteTime: Date | undefined;
  purgeTime: Date | undefined;
  expireTime: Date | undefined;
  lastAccessedTime: Date | undefined;
  /** The principal that made it; undefined: made before that was noted. */
  createdBy: string | undefined;
  /** Where its value may be sent; undefined: nowhere. */
  egress: EgressRule | undefined;
  /** When its value was last sent. */
  lastUsedTime: Date | undefined;
}

/** What UpdateSecret may change; what is left out stays. */
export interface SecretChange {
  name?: string;
  description?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  mimeType?: string;
  versionAliases?: Record<string, number>;
  expireTime?: Date | null;
  egress?: EgressRule | null;
}

/** When something expires: at a time, or so many milliseconds after now by the database's clock. */
export type Expiration = { at: Date } | { afterMs: number };

const annotationBytesMax = 16_384;

/** How a request names a secret. */
export type SecretRef = { by: "id"; secretId: string } | { by: "name"; name: string; region: string };

/** The etag of a revision, without quotes. */
export function etagOf(resource: { revision: number }): string {
  return String(resource.revision);
}

/** Fails with ETAG_MISMATCH unless `etag`, if given, is current. It may have any form of HTTP's If-Match: quoted, a list, or `*`. */
export function checkEtag(resource: { revision: number }, etag: string | undefined): void {
  if (etag === undefined || etag === "") return;
  const current = etagOf(resource);
  if (etag.trim() === "*" || opaqueTags(etag).includes(current)) return;
  throw new CofferError("ETAG_MISMATCH", `the resource has changed; its etag is now ${current}`, { etag: current });
}

/**
 * Returns the tags of a list (RFC 9110, section 13.1.1), quoted or bare. Weak tags count too, because nginx makes tags weak when it
 * compresses an answer.
 */
function opaqueTags(list: string): string[] {
  const tags = list.matchAll(/(?:^|,)\s*(?:(?:W\/)?"([^"]*)"|([^\s,"]+))\s*(?=,|$)/g);
  return [...tags].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

export function checkActive(secret: Secret): void {
  if (secret.state === "ACTIVE") return;
  throw new CofferError("SECRET_SOFT_DELETED", `secret ${secret.secretId} is deleted; undelete it first`, {
    id: secret.secretId,
  });
}

/** Where it is there and only hidden, `denial` says so to the audit trail, and to nobody else. */
export function secretNotFound(denial?: CofferError): CofferError {
  return new CofferError("SECRET_NOT_FOUND", "there is no such secret", {}, denial ? { cause: denial } : {});
}

/** Fails when annotations take more than 16 KiB, keys and values together, in UTF-8. */
export function checkAnnotations(annotations: Record<string, string>, field: string): void {
  const entries = Object.entries(annotations);
  const sizeBytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  const violations: FieldViolation[] = [];
  if (sizeBytes > annotationBytesMax) {
    violations.push({ field, description: `must take at most ${annotationBytesMax} bytes in total` });
  }
  if (entries.some(([key]) => key === "")) violations.push({ field, description: "keys must not be empty" });
  failOn(violations);
}

/** Fails when aliases name versions that never were. */
export function checkAliases(aliases: Record<string, number>, versionCount: number, field: string): void {
  failOn(
    Object.entries(aliases)
      .filter(([, versionNumber]) => versionNumber > versionCount)
      .map(([alias]) => ({ field: `${field}["${alias}"]`, description: "must be the number of a version" })),
  );
}

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
  /** The name that its creator gave it, unchanged. */
  name: string;
  /** `/` + name without a leading slash; unique among the active secrets of a workspace and region. */
  path: string;
  kind: string;
  /** The value has the fields of this method; empty for kinds whose value is a single text. */
  authMethod: string;
  /** Identifiers of a credential that are not secret, by name. Every version has the same. */
  credentialFields: Record<string, string>;
  /** Undefined for kinds that are not credentials. */
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
  /** Conditions and statements; undefined: no policy. */
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
  /** The principal that created it; undefined for secrets of earlier versions, which did not store it. */
  createdBy: string | undefined;
  /** The hosts that its value may be sent to; undefined: none. */
  egress: EgressRule | undefined;
  /** When its value was last sent. */
  lastUsedTime: Date | undefined;
}

/** A change by UpdateSecret. Properties that are left out stay the same. */
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

/** The end of something: a time, or milliseconds from now by the database's clock. */
export type Expiration = { at: Date } | { afterMs: number };

const annotationBytesMax = 16_384;

/** The name of a secret in a request. */
export type SecretRef = { by: "id"; secretId: string } | { by: "name"; name: string; region: string };

/** Returns the etag of a revision, without quotes. */
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

/** `denial`: the secret exists, but the caller may not see it. Only the audit trail shows that. */
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

/** Fails if an alias names a version that never existed. */
export function checkAliases(aliases: Record<string, number>, versionCount: number, field: string): void {
  failOn(
    Object.entries(aliases)
      .filter(([, versionNumber]) => versionNumber > versionCount)
      .map(([alias]) => ({ field: `${field}["${alias}"]`, description: "must be the number of a version" })),
  );
}

// Finding versions, where not finding one is an error.
import type { Secret } from "../../domain/secret.ts";
import { type SecretVersion, type VersionRef, versionNotFound } from "../../domain/version.ts";
import type { Sql } from "../../store/database.ts";
import { findVersion, findVersionById } from "../../store/versions.ts";

export async function findVersionOrFail(sql: Sql, secret: Secret, ref: VersionRef): Promise<SecretVersion> {
  const version = await findVersion(sql, secret, ref);
  if (!version) throw versionNotFound();
  return version;
}

/** By its own id alone: what a replay has. */
export async function findVersionByIdOrFail(sql: Sql, workspaceId: string, versionId: string): Promise<SecretVersion> {
  const version = await findVersionById(sql, workspaceId, versionId);
  if (!version) throw versionNotFound();
  return version;
}

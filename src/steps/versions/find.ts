// Finds versions, or fails.

import type { Grant } from "../../domain/access/grant.ts";
import type { Permission } from "../../domain/access/permission.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import { type SecretVersion, type VersionRef, versionNotFound } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Sql } from "../../store/database.ts";
import type { StoredVersion } from "../../store/rows/secret-version.ts";
import { findVersion, findVersionById } from "../../store/versions.ts";
import { type FindDeps, secretById } from "../secrets/find.ts";

export async function findVersionOrFail(sql: Sql, secret: Secret, ref: VersionRef): Promise<StoredVersion> {
  const version = await findVersion(sql, secret, ref);
  if (!version) throw versionNotFound();
  return version;
}

/** Returns the `replay` of mutations of versions: finds the version by id and authorizes the caller at its secret's current location. */
export function versionById(
  deps: FindDeps,
  caller: Caller,
  { workspaceId, permission }: Grant<Permission>,
): (sql: Sql, versionId: string) => Promise<SecretVersion> {
  return async (sql, versionId) => {
    const version = await findVersionById(sql, workspaceId, versionId);
    if (!version) throw versionNotFound();
    await secretById(deps, caller, { workspaceId, permission })(sql, version.secretId);
    return version;
  };
}

// What secrets refer to in vaults elsewhere: which connection, and what each field is called there. No value, and no call to a vault.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { CofferError } from "../../domain/errors.ts";
import type { SecretConnection } from "../../domain/external-vault/vault-connection.ts";
import type { Secret } from "../../domain/secret.ts";
import { decodeKeyValues } from "../../envelope/payload.ts";
import { readSealedVersionForUse } from "../../store/read-for-use.ts";
import { findSecretConnections } from "../../store/secret-connections.ts";
import { authorizeFound, authorizeSystem } from "../authorize.ts";
import { openSealed } from "../secrets/get-value.ts";

/** Of secrets that the caller has been shown. */
export function connectionsOf(
  { database }: Pick<Deps, "database">,
  workspaceId: string,
  secrets: readonly Pick<Secret, "secretId">[],
): Promise<Map<string, SecretConnection>> {
  if (secrets.length === 0) return Promise.resolve(new Map());
  return findSecretConnections(
    database,
    workspaceId,
    secrets.map(({ secretId }) => secretId),
  );
}

/**
 * What each field is called in the vault; undefined for a value that is kept here, and while the key that seals the names is not
 * active. Fails with VALUE_CORRUPT.
 */
export async function mappingsOf(
  deps: Pick<Deps, "database" | "keyMaterial" | "deploymentId" | "deploymentKeys">,
  caller: Caller,
  secret: Secret,
): Promise<Record<string, string> | undefined> {
  authorizeFound(caller, "secrets.read", secret);
  const grant = authorizeSystem(secret.workspaceId, "secrets.use");
  const sealed = await readSealedVersionForUse(deps.database, grant, secret.secretId, secret.currentVersion);
  if (sealed?.version?.vaultConnectionId === undefined) return undefined;
  try {
    const { bytes } = await openSealed(deps, sealed);
    const names = [...decodeKeyValues(bytes)].map(([field, name]) => [field, Buffer.from(name).toString("utf8")]);
    return Object.fromEntries(names) as Record<string, string>;
  } catch (error) {
    if (error instanceof CofferError && error.reason === "KEY_NOT_ACTIVE") return undefined;
    throw error;
  }
}

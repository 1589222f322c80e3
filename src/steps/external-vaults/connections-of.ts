// Which connections to vaults elsewhere secrets refer to.

import type { SecretConnection } from "../../domain/external-vault/vault-connection.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findSecretConnections } from "../../store/secret-connections.ts";

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

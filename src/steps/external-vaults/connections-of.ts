// Finds the vault connections that secrets refer to.

import type { SecretConnection } from "../../domain/external-vault/vault-connection.ts";
import type { Secret } from "../../domain/secret/secret.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findSecretConnections } from "../../store/secret-connections.ts";

/** The caller has been shown these secrets. */
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

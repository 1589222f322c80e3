// ListVaultConnections: pages of connections by id.

import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../../steps/page-token.ts";
import { listVaultConnections as findPage } from "../../store/vault-connections.ts";

export async function listVaultConnections(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  input: { pageSize: number; pageToken: string },
): Promise<{ items: VaultConnection[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "vaults.list");
  const query = { list: "vault_connections", workspaceId };
  return readPage<VaultConnection>({
    pageSize: pageSizeOf(input.pageSize),
    query,
    position: readPageToken(query, input.pageToken, 1),
    positionOf: (last) => [last.vaultConnectionId],
    read: ([afterId = ""] = [], limit) => findPage(database, workspaceId, { afterId, limit }),
  });
}

// ListVaultConnections: pages of connections by id.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { listVaultConnections as findPage } from "../../store/vault-connections.ts";
import { authorize } from "../authorize.ts";
import { pageSizeOf, readPage, readPageToken } from "../page-token.ts";

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

// ListVaultConnections: pages of connections by id.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { listVaultConnections as findPage } from "../../store/vault-connections.ts";
import { authorize } from "../authorize.ts";
import { pageOf, pageSizeOf, readPageToken } from "../page-token.ts";

export async function listVaultConnections(
  { database }: Pick<Deps, "database">,
  caller: Caller,
  input: { pageSize: number; pageToken: string },
): Promise<{ items: VaultConnection[]; nextPageToken: string }> {
  const { workspaceId } = authorize(caller, "vaults.list");
  const query = { list: "vault_connections", workspaceId };
  const [afterId = ""] = readPageToken(query, input.pageToken, 1) ?? [];
  const pageSize = pageSizeOf(input.pageSize);
  const connections = await findPage(database, workspaceId, { afterId, limit: pageSize + 1 });
  return pageOf<VaultConnection>(connections, pageSize, query, (last) => [last.vaultConnectionId]);
}

// The error for a name that another connection of the workspace has.

import { CofferError } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Sql } from "../../store/database.ts";
import { findVaultConnectionIdByName } from "../../store/vault-connections.ts";
import { holds } from "../authorize.ts";

/** Returns VAULT_CONNECTION_NAME_TAKEN, with the id of the other connection for callers who may list connections. */
export async function connectionNameTaken(
  sql: Sql,
  caller: Caller,
  { workspaceId, name }: { workspaceId: string; name: string },
): Promise<CofferError> {
  const message = "another vault connection has this name";
  const id = holds(caller, "vaults.list") ? await findVaultConnectionIdByName(sql, workspaceId, name) : undefined;
  if (id === undefined) return new CofferError("VAULT_CONNECTION_NAME_TAKEN", message, { name });
  const resource = { type: "vault_connection", name: id };
  return new CofferError("VAULT_CONNECTION_NAME_TAKEN", message, { name, id }, { resource });
}

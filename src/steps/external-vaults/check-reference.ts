// Checks references: the connection must exist in the workspace, and the vault's notation must be valid.
import { checkReferences } from "../../domain/external-vault/reference.ts";
import { vaultConnectionNotFound } from "../../domain/external-vault/vault-connection.ts";
import type { Sql, Tx } from "../../store/database.ts";
import { shareLockVaultConnection } from "../../store/vault-connections.ts";
import type { ValueInput } from "../secrets/value-input.ts";
import { findConnectionOrFail } from "./find.ts";

/** Does nothing for other values. Fails with VAULT_CONNECTION_NOT_FOUND or FIELD_INVALID. */
export async function checkReference(sql: Sql, workspaceId: string, input: ValueInput): Promise<void> {
  if (input.case !== "reference") return;
  const { vaultType } = await findConnectionOrFail(sql, workspaceId, input.vaultConnectionId);
  checkReferences(vaultType, input.mappings, input.fieldOf);
}

/** Locks the connection of a reference until the transaction ends. Does nothing for other values. Fails with VAULT_CONNECTION_NOT_FOUND. */
export async function lockReferencedConnection(tx: Tx, workspaceId: string, input: ValueInput): Promise<void> {
  if (input.case !== "reference") return;
  const isThere = await shareLockVaultConnection(tx, workspaceId, input.vaultConnectionId);
  if (!isThere) throw vaultConnectionNotFound(input.vaultConnectionId);
}

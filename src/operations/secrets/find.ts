// Finding secrets, where not finding one is an error.
import { type Secret, type SecretRef, secretNotFound } from "../../domain/secret.ts";
import type { Sql, Tx } from "../../store/database.ts";
import { findSecret, lockSecret } from "../../store/secrets.ts";

/** By id in any state, by name only while active. */
export async function findSecretOrFail(sql: Sql, workspaceId: string, ref: SecretRef): Promise<Secret> {
  const secret = await findSecret(sql, workspaceId, ref);
  if (!secret) throw secretNotFound();
  return secret;
}

/** Finds secrets of a workspace by id: how a mutation of one is replayed. */
export function secretById(workspaceId: string): (sql: Sql, secretId: string) => Promise<Secret> {
  return (sql, secretId) => findSecretOrFail(sql, workspaceId, { by: "id", secretId });
}

/** As it is now and stays until the transaction ends. */
export async function lockSecretOrFail(tx: Tx, workspaceId: string, secretId: string): Promise<Secret> {
  const secret = await lockSecret(tx, workspaceId, secretId);
  if (!secret) throw secretNotFound();
  return secret;
}

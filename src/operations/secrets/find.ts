// Finding secrets, where not finding one is an error.
import type { Caller } from "../../domain/caller.ts";
import type { Grant } from "../../domain/grant.ts";
import type { Permission } from "../../domain/permission.ts";
import { type Secret, type SecretRef, secretNotFound } from "../../domain/secret.ts";
import type { Sql, Tx } from "../../store/database.ts";
import { findSecret, lockSecret } from "../../store/secrets.ts";
import { authorizeFound } from "../authorize.ts";

/** By id in any state, by name only while active. */
export async function findSecretOrFail(sql: Sql, workspaceId: string, ref: SecretRef): Promise<Secret> {
  const secret = await findSecret(sql, workspaceId, ref);
  if (!secret) throw secretNotFound();
  return secret;
}

/** Finds secrets by id and authorizes the caller where they are now: how a mutation of one is replayed. */
export function secretById(
  caller: Caller,
  { workspaceId, permission }: Pick<Grant<Permission>, "workspaceId" | "permission">,
): (sql: Sql, secretId: string) => Promise<Secret> {
  return async (sql, secretId) => {
    const secret = await findSecretOrFail(sql, workspaceId, { by: "id", secretId });
    authorizeFound(caller, permission, secret);
    return secret;
  };
}

/** As it is now and stays until the transaction ends. */
export async function lockSecretOrFail(tx: Tx, workspaceId: string, secretId: string): Promise<Secret> {
  const secret = await lockSecret(tx, workspaceId, secretId);
  if (!secret) throw secretNotFound();
  return secret;
}

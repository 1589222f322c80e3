// Finds secrets. A missing one is an error, and so is a row that SQL has changed.

import type { Grant } from "../../domain/access/grant.ts";
import type { Permission } from "../../domain/access/permission.ts";
import { type Secret, type SecretRef, secretNotFound } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfSecret } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Sql, Tx } from "../../store/database.ts";
import { findSecret, type TimedSecret } from "../../store/find-secrets.ts";
import { lockSecret } from "../../store/secrets.ts";
import { authorizeFound } from "../authorize.ts";

export type FindDeps = Pick<Deps, "deploymentKeys">;

/** Finds a secret: by id in any state, by name only while active. Fails with SECRET_NOT_FOUND or VALUE_CORRUPT. */
export async function findSecretOrFail(
  deps: FindDeps,
  sql: Sql,
  workspaceId: string,
  ref: SecretRef,
): Promise<TimedSecret> {
  return authenticOrFail(deps, await findSecret(sql, workspaceId, ref));
}

/** The same outside of a transaction, with the secrets of other calls. */
export async function readSecretOrFail(
  deps: FindDeps & Pick<Deps, "secretReader">,
  workspaceId: string,
  ref: SecretRef,
): Promise<TimedSecret> {
  return authenticOrFail(deps, await deps.secretReader.read({ workspaceId, secret: ref }));
}

/** Returns the `replay` of mutations of secrets: finds the secret by id and authorizes the caller at its current location. */
export function secretById(
  deps: FindDeps,
  caller: Caller,
  { workspaceId, permission }: Pick<Grant<Permission>, "workspaceId" | "permission">,
): (sql: Sql, secretId: string) => Promise<Secret> {
  return async (sql, secretId) => {
    const secret = await findSecretOrFail(deps, sql, workspaceId, { by: "id", secretId });
    authorizeFound(caller, permission, secret);
    return secret;
  };
}

/** Returns the secret and locks its row until the transaction ends. Fails with SECRET_NOT_FOUND or VALUE_CORRUPT. */
export async function lockSecretOrFail(
  deps: FindDeps,
  tx: Tx,
  workspaceId: string,
  secretId: string,
): Promise<TimedSecret> {
  return authenticOrFail(deps, await lockSecret(tx, workspaceId, secretId));
}

/** Fails with VALUE_CORRUPT if SQL has changed the row: permissions depend on its path, and a new MAC would make the change valid. */
function authenticOrFail({ deploymentKeys }: FindDeps, secret: TimedSecret | undefined): TimedSecret {
  if (!secret) throw secretNotFound();
  checkAuthentic(deploymentKeys, coveredOfSecret(secret), secret.rowMac);
  return secret;
}

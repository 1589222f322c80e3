// Checks whether a secret's access policy allows the caller to read or write its values, from its address and at this time.
import { accessPolicyDenied, readPolicyText } from "../../domain/access/access-policy.ts";
import { evaluateAccessPolicy } from "../../domain/access/evaluate-access-policy.ts";
import type { Secret, SecretRef } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfSecret } from "../../integrity/row-macs.ts";
import type { Sql, Tx } from "../../store/database.ts";
import type { TimedSecret } from "../../store/find-secrets.ts";
import type { SecretGuard } from "../../store/rows/secret.ts";
import { checkNotDenied } from "../authorize.ts";
import { type FindDeps, findSecretOrFail, lockSecretOrFail } from "./find.ts";

/** Fails with VALUE_CORRUPT, ACCESS_POLICY_DENIED or as `checkNotDenied` does. `now` is by the database's clock. */
export function checkAccess(
  { deploymentKeys }: FindDeps,
  caller: Caller,
  permission: "versions.access" | "versions.add",
  secret: SecretGuard,
  now: Date,
): void {
  checkAuthentic(deploymentKeys, coveredOfSecret(secret), secret.rowMac);
  const policy = readPolicyText(secret.accessPolicyText);
  if (!policy) return;
  checkNotDenied(caller, permission, { ...secret, accessPolicy: policy });
  const { isAllowed, condition } = evaluateAccessPolicy(policy, { address: caller.address, now });
  if (!isAllowed) throw accessPolicyDenied(secret.secretId, condition);
}

/** Locks and returns the secret if the caller may write its values now. Fails as `checkAccess` does, or with SECRET_NOT_FOUND. */
export async function lockForWriting(
  deps: FindDeps,
  tx: Tx,
  caller: Caller,
  { workspaceId, secretId }: Pick<Secret, "workspaceId" | "secretId">,
): Promise<TimedSecret> {
  return checked(deps, caller, await lockSecretOrFail(deps, tx, workspaceId, secretId));
}

/** Returns the secret, without a lock, if the caller may write its values now. Fails as `lockForWriting` does. */
export async function findForWriting(
  deps: FindDeps,
  sql: Sql,
  caller: Caller,
  workspaceId: string,
  ref: SecretRef,
): Promise<TimedSecret> {
  return checked(deps, caller, await findSecretOrFail(deps, sql, workspaceId, ref));
}

function checked(deps: FindDeps, caller: Caller, secret: TimedSecret): TimedSecret {
  checkAccess(deps, caller, "versions.add", secret, secret.readTime);
  return secret;
}

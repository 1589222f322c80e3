// Whether a secret's access policy lets its values be read or written, from where the caller is, now.
import type { Deps } from "../../deps.ts";
import { accessPolicyDenied, readPolicyText } from "../../domain/access-policy.ts";
import type { Caller } from "../../domain/caller.ts";
import { judgeAccessPolicy } from "../../domain/judge-access-policy.ts";
import { type Secret, type SecretRef, secretNotFound } from "../../domain/secret.ts";
import type { Sql, Tx } from "../../store/database.ts";
import { findGuardedSecret, type GuardedSecret, lockGuardedSecret } from "../../store/guarded-secrets.ts";
import { checkAuthentic, coveredOfSecret } from "../row-macs.ts";

type CheckDeps = Pick<Deps, "deploymentKeys">;

/** The row as stored. */
type Guarded = Parameters<typeof coveredOfSecret>[0] & { mac: Uint8Array };

/** Fails with VALUE_CORRUPT or ACCESS_POLICY_DENIED. `now` is by the database's clock. */
export function checkAccess({ deploymentKeys }: CheckDeps, caller: Caller, secret: Guarded, now: Date): void {
  checkAuthentic(deploymentKeys, coveredOfSecret(secret), secret.mac);
  const policy = readPolicyText(secret.accessPolicyText);
  if (!policy) return;
  const { isAllowed, condition } = judgeAccessPolicy(policy, { address: caller.address, now });
  if (!isAllowed) throw accessPolicyDenied(secret.secretId, condition);
}

/** The secret, locked, when the caller may write its values now. Fails as `checkAccess` does, or with SECRET_NOT_FOUND. */
export async function lockForWriting(
  deps: CheckDeps,
  tx: Tx,
  caller: Caller,
  secret: Pick<Secret, "workspaceId" | "secretId">,
): Promise<Secret> {
  return checked(deps, caller, await lockGuardedSecret(tx, secret.workspaceId, secret.secretId));
}

/** The secret as it is at the moment, when the caller may write its values now. Fails as `lockForWriting` does. */
export async function findForWriting(
  deps: CheckDeps,
  sql: Sql,
  caller: Caller,
  workspaceId: string,
  ref: SecretRef,
): Promise<Secret> {
  return checked(deps, caller, await findGuardedSecret(sql, workspaceId, ref));
}

function checked(deps: CheckDeps, caller: Caller, guarded: GuardedSecret | undefined): Secret {
  if (!guarded) throw secretNotFound();
  const { secret, mac, accessPolicyText, now } = guarded;
  checkAccess(deps, caller, { ...secret, mac, accessPolicyText }, now);
  return secret;
}

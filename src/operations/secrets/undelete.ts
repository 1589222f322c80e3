// UndeleteSecret: brings a soft-deleted secret back as it was.

import { CofferError } from "../../domain/error/errors.ts";
import { checkEtag, type Secret, secretNotFound } from "../../domain/secret/secret.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { addStatementRules } from "../../steps/access/statement-rules.ts";
import { authorizeAt, authorizeFound } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findSecretOrFail, lockSecretOrFail, secretById } from "../../steps/secrets/find.ts";
import { freeExpiredPathAndRetry } from "../../steps/secrets/free-path.ts";
import { settleExpired } from "../../steps/secrets/settle-expired.ts";
import { checkQuota } from "../../steps/workspaces/check-quota.ts";
import type { TimedSecret } from "../../store/find-secrets.ts";
import { undeleteSecret as writeUndelete } from "../../store/secrets.ts";

export interface UndeleteSecretInput {
  secretId: string;
  etag: string | undefined;
  /** Empty: its own name. */
  newName: string;
}

/** Fails with SECRET_NOT_FOUND (also after its purge time), ETAG_MISMATCH, SECRET_ACTIVE, NAME_TAKEN or QUOTA_EXCEEDED. */
export async function undeleteSecret(
  deps: MutationDeps & Pick<Deps, "regions" | "deploymentKeys">,
  caller: Caller,
  { secretId, etag, newName }: UndeleteSecretInput,
): Promise<MutationResult<Secret>> {
  const grant = await authorizeSecret(deps, caller, "secrets.undelete", { id: secretId });
  const { workspaceId } = grant;
  if (newName !== "") checkSecretName(newName, "new_name");
  const findLocation = async () => {
    const { region, name } = await findSecretOrFail(deps, deps.database, workspaceId, { by: "id", secretId });
    return { workspaceId, region, path: pathOf(newName || name) };
  };
  return freeExpiredPathAndRetry(deps, caller, findLocation, () =>
    mutate(deps, caller, {
      grant,
      prepare: async () => ({ subject: { resourceType: "secret", resourceId: secretId } }),
      async apply(tx) {
        await checkQuota(tx, workspaceId, "secrets");
        const secret = await lockSecretOrFail(deps, tx, workspaceId, secretId);
        authorizeFound(caller, "secrets.undelete", secret);
        if (newName !== "") {
          authorizeAt(caller, "secrets.undelete", { region: secret.region, path: pathOf(newName) });
        }
        checkEtag(secret, etag);
        if (secret.state === "ACTIVE") throw active(secret);
        checkComesBack(secret);
        // The path, and the rules that depend on it, become free only when the expiry is stored.
        if (secret.storedState === "ACTIVE") await settleExpired(deps, tx, [secret]);
        const name = newName || secret.name;
        const expireTime = isLater(secret.expireTime, secret.readTime) ? secret.expireTime : undefined;
        const next = { ...secret, name, path: pathOf(name), expireTime, storedState: "ACTIVE" } as const;
        const undeleted = await writeUndelete(tx, {
          ...next,
          rowMac: macOf(deps.deploymentKeys, coveredOfSecret(next)),
        });
        await addStatementRules(deps, tx, undeleted);
        return undeleted;
      },
      replay: secretById(deps, caller, grant),
    }),
  );
}

/** Fails with SECRET_NOT_FOUND after the purge time. A purge time not later than the delete time has always passed, whatever the clock says. */
function checkComesBack({ purgeTime, deleteTime, readTime }: TimedSecret): void {
  const isPurged = !isLater(purgeTime, readTime) || (deleteTime && !isLater(purgeTime, deleteTime));
  if (isPurged) throw secretNotFound();
}

function isLater(time: Date | undefined, than: Date): boolean {
  return time !== undefined && time > than;
}

function active({ secretId: id }: Secret): CofferError {
  return new CofferError(
    "SECRET_ACTIVE",
    `secret ${id} is not deleted`,
    { id },
    { resource: { type: "secret", name: id } },
  );
}

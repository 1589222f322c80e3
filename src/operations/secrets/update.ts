// UpdateSecret: changes the properties of a secret. Only a new version changes its value.

import { checkAll } from "../../domain/error/errors.ts";
import {
  checkActive,
  checkAliases,
  checkAnnotations,
  checkEtag,
  type Secret,
  type SecretChange,
} from "../../domain/secret/secret.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { addStatementRules } from "../../steps/access/statement-rules.ts";
import { authorizeAt, authorizeFound } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { checkExpiration, checkExpiresLater } from "../../steps/secrets/expiration.ts";
import { findSecretOrFail, lockSecretOrFail, secretById } from "../../steps/secrets/find.ts";
import { freeExpiredPathAndRetry } from "../../steps/secrets/free-path.ts";
import { updateSecret as writeSecret } from "../../store/secrets.ts";
import { changeEgress } from "./change-egress.ts";

export interface UpdateSecretInput {
  secretId: string;
  etag: string | undefined;
  change: SecretChange;
  /** The prefix of the request's field names, such as `secret.`. */
  fieldPrefix: string;
}

/** Fails with SECRET_NOT_FOUND, ETAG_MISMATCH, NAME_TAKEN, SECRET_SOFT_DELETED, EGRESS_RULE_FIXED or FIELD_INVALID. */
export async function updateSecret(
  deps: MutationDeps & Pick<Deps, "regions" | "deploymentKeys">,
  caller: Caller,
  { secretId, etag, change, fieldPrefix }: UpdateSecretInput,
): Promise<MutationResult<Secret>> {
  checkChange(change, fieldPrefix);
  const grant = await authorizeSecret(deps, caller, "secrets.update", { id: secretId });
  const { workspaceId } = grant;
  const run = () =>
    mutate(deps, caller, {
      grant,
      prepare: async () => ({ subject: { resourceType: "secret", resourceId: secretId } }),
      async apply(tx) {
        const secret = await lockSecretOrFail(deps, tx, workspaceId, secretId);
        authorizeFound(caller, "secrets.update", secret);
        if (change.name !== undefined) {
          authorizeAt(caller, "secrets.update", { region: secret.region, path: pathOf(change.name) });
        }
        checkEtag(secret, etag);
        checkActive(secret);
        if (Object.keys(change).length === 0) return secret;
        if (change.versionAliases) {
          checkAliases(change.versionAliases, secret.versionCount, `${fieldPrefix}version_aliases`);
        }
        const { expireTime = secret.expireTime, egress, ...others } = change;
        if (egress !== undefined) await changeEgress(deps, tx, caller, secret, egress);
        if (change.expireTime) checkExpiresLater(change.expireTime, secret.readTime, `${fieldPrefix}expire_time`);
        const next = { ...secret, ...others, expireTime: expireTime ?? undefined };
        next.path = pathOf(next.name);
        const changed = await writeSecret(tx, { ...next, rowMac: macOf(deps.deploymentKeys, coveredOfSecret(next)) });
        if (next.path !== secret.path) await addStatementRules(deps, tx, changed);
        return changed;
      },
      replay: secretById(deps, caller, grant),
    });
  const findLocation = async () => {
    const { region, name } = await findSecretOrFail(deps, deps.database, workspaceId, { by: "id", secretId });
    return { workspaceId, region, path: pathOf(change.name ?? name) };
  };
  return freeExpiredPathAndRetry(deps, caller, findLocation, run);
}

function checkChange({ name, annotations, expireTime }: SecretChange, prefix: string): void {
  checkAll(
    () => name !== undefined && checkSecretName(name, `${prefix}name`),
    () => annotations && checkAnnotations(annotations, `${prefix}annotations`),
    () => expireTime && checkExpiration({ at: expireTime }, `${prefix}expire_time`),
  );
}

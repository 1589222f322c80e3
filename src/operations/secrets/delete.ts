// DeleteSecret: soft, or with every version destroyed at once.

import { checkEtag, type Secret, secretNotFound } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findSecretOrFail, lockSecretOrFail, secretById } from "../../steps/secrets/find.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import { asDestroyed } from "../../steps/versions/as-destroyed.ts";
import { destroyVersions, findLiveVersions } from "../../store/destroy-versions.ts";
import { softDeleteSecret } from "../../store/secrets.ts";

export interface DeleteSecretInput {
  secret: SecretRefInput;
  etag: string | undefined;
  force: boolean;
}

// Nothing is left to undelete, so it is purged at once.
const neededByForce = ["versions.destroy", "secrets.purge"] as const;

/** Fails with SECRET_NOT_FOUND (also when it is deleted already, unless forced) or ETAG_MISMATCH. */
export async function deleteSecret(
  deps: MutationDeps & Pick<Deps, "regions" | "deploymentKeys">,
  caller: Caller,
  input: DeleteSecretInput,
): Promise<MutationResult<Secret>> {
  const grant = await authorizeSecret(deps, caller, "secrets.delete", input.secret);
  const alsoNeeded = input.force ? neededByForce : [];
  for (const permission of alsoNeeded) await authorizeSecret(deps, caller, permission, input.secret);
  const { workspaceId } = grant;
  const ref = refOf(deps, input.secret);
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const secret = await findSecretOrFail(deps, deps.database, workspaceId, ref);
      return { subject: { resourceType: "secret", resourceId: secret.secretId } };
    },
    async apply(tx, { subject }) {
      const secret = await lockSecretOrFail(deps, tx, workspaceId, subject.resourceId);
      for (const permission of [grant.permission, ...alsoNeeded]) authorizeFound(caller, permission, secret);
      checkEtag(secret, input.etag);
      if (secret.state === "SOFT_DELETED" && !input.force) throw secretNotFound();
      if (input.force) await destroyVersions(tx, asDestroyed(deps, await findLiveVersions(tx, secret)));
      const currentVersion = input.force ? 0 : secret.currentVersion;
      const next = { ...secret, currentVersion, storedState: "SOFT_DELETED" } as const;
      const rowMac = macOf(deps.deploymentKeys, coveredOfSecret(next));
      return softDeleteSecret(tx, { ...next, rowMac }, { purgeAtOnce: input.force });
    },
    replay: secretById(deps, caller, grant),
  });
}

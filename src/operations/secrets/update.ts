// UpdateSecret: changes what describes a secret; its value changes by new versions.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import {
  checkActive,
  checkAliases,
  checkAnnotations,
  checkEtag,
  type Secret,
  type SecretChange,
} from "../../domain/secret.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import { updateSecret as writeSecret } from "../../store/secrets.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { checkExpiration, checkExpiresLater } from "./expiration.ts";
import { findSecretOrFail, lockSecretOrFail } from "./find.ts";
import { withFreePath } from "./free-path.ts";

export interface UpdateSecretInput {
  secretId: string;
  etag: string | undefined;
  change: SecretChange;
}

/** Fails with SECRET_NOT_FOUND, ETAG_MISMATCH, NAME_TAKEN, SECRET_SOFT_DELETED or FIELD_INVALID. */
export async function updateSecret(
  deps: MutationDeps & Pick<Deps, "database">,
  caller: Caller,
  { secretId, etag, change }: UpdateSecretInput,
): Promise<Outcome<Secret>> {
  const grant = authorize(caller, "secrets.update");
  const { workspaceId } = grant;
  checkChange(change);
  const run = () =>
    mutate(deps, caller, {
      grant,
      prepare: async () => ({ subject: { resourceType: "secret", resourceId: secretId } }),
      async apply(tx) {
        const secret = await lockSecretOrFail(tx, workspaceId, secretId);
        checkEtag(secret, etag);
        checkActive(secret);
        if (change.versionAliases) checkAliases(change.versionAliases, secret.versionCount, "secret.version_aliases");
        const { expireTime = secret.expireTime, ...others } = change;
        const updated = await writeSecret(tx, { ...secret, ...others, expireTime: expireTime ?? undefined });
        if (change.expireTime) checkExpiresLater(updated, "secret.expire_time");
        return updated;
      },
      replay: (sql, id) => findSecretOrFail(sql, workspaceId, { by: "id", secretId: id }),
    });
  if (change.name === undefined) return run();
  const { region } = await findSecretOrFail(deps.database, workspaceId, { by: "id", secretId });
  return withFreePath(deps, caller, { workspaceId, region, path: pathOf(change.name) }, run);
}

function checkChange(change: SecretChange): void {
  if (change.name !== undefined) checkSecretName(change.name, "secret.name");
  if (change.annotations) checkAnnotations(change.annotations, "secret.annotations");
  if (change.expireTime) checkExpiration({ at: change.expireTime }, "secret.expire_time");
}

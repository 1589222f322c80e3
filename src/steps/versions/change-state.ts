// Changes the state of a version: for enabling, disabling and destroying.

import { CofferError } from "../../domain/error/errors.ts";
import { checkActive, checkEtag } from "../../domain/secret/secret.ts";
import { parseVersionRef, type SecretVersion, type VersionState } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfVersion, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { databaseNow } from "../../store/clock.ts";
import type { Tx } from "../../store/database.ts";
import { setVersionState } from "../../store/versions.ts";
import { authorizeFound } from "../authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../mutation.ts";
import { authorizeSecret } from "../secrets/authorize-secret.ts";
import { findSecretOrFail, lockSecretOrFail } from "../secrets/find.ts";
import { refOf, type SecretRefInput } from "../secrets/secret-ref.ts";
import { findVersionOrFail, versionById } from "./find.ts";
import { refreshCurrentVersion } from "./refresh-current.ts";

export type ChangeStateDeps = MutationDeps & Pick<Deps, "regions" | "deploymentKeys" | "validations">;

export interface ChangeStateInput {
  secret: SecretRefInput;
  version: string;
  /** The etag of the version. */
  etag: string | undefined;
}

type StatePermission = "versions.enable" | "versions.disable" | "versions.destroy";

/** The new state of a version. */
interface Target {
  state: VersionState;
  /** Milliseconds from now by the database's clock until it is destroyed; undefined: never. */
  destroyAfterMs?: number | undefined;
}

/** A version that has the state already does not change. A destroyed one stays destroyed. */
export async function changeVersionState(
  deps: ChangeStateDeps,
  caller: Caller,
  permission: StatePermission,
  target: Target,
  input: ChangeStateInput,
): Promise<MutationResult<SecretVersion>> {
  const grant = await authorizeSecret(deps, caller, permission, input.secret);
  const { workspaceId } = grant;
  const secretRef = refOf(deps, input.secret);
  const versionRef = parseVersionRef(input.version);
  const outcome = await mutate(deps, caller, {
    grant,
    async prepare() {
      const secret = await findSecretOrFail(deps, deps.database, workspaceId, secretRef);
      // Otherwise a caller who may not see the secret learns which versions it has.
      authorizeFound(caller, permission, secret);
      const { secretId, versionId, versionNumber } = await findVersionOrFail(deps.database, secret, versionRef);
      return { subject: { resourceType: "secret_version", resourceId: versionId, versionNumber }, secretId };
    },
    async apply(tx, { subject, secretId }) {
      const secret = await lockSecretOrFail(deps, tx, workspaceId, secretId);
      authorizeFound(caller, permission, secret);
      checkActive(secret);
      const version = await findVersionOrFail(tx, secret, { by: "id", versionId: subject.resourceId });
      checkEtag(version, input.etag);
      if (isAlready(version, target, permission)) return version;
      // A new MAC would make a change by SQL valid.
      checkAuthentic(deps.deploymentKeys, coveredOfVersion(version), version.mac);
      await checkNotDestroyed(tx, version, target);
      const next = { ...version, state: target.state };
      const mac = macOf(deps.deploymentKeys, coveredOfVersion(next));
      const changed = await setVersionState(tx, { ...next, mac }, target.destroyAfterMs);
      await refreshCurrentVersion(deps, tx, secret);
      return changed;
    },
    replay: versionById(deps, caller, grant),
  });
  // Another version may be the current one now.
  if (!outcome.replayed) deps.validations.enqueue(outcome.resource);
  return outcome;
}

function isAlready({ state }: SecretVersion, target: Target, permission: StatePermission): boolean {
  if (state === "DESTROYED" && permission === "versions.destroy") return true;
  return state === target.state && target.destroyAfterMs === undefined;
}

/** A version past its scheduled time counts as destroyed even before the job destroys it, so it cannot be restored. */
async function checkNotDestroyed(tx: Tx, version: SecretVersion, target: Target): Promise<void> {
  if (version.state === "DESTROYED") throw alreadyDestroyed(version);
  const { scheduledDestroyTime } = version;
  if (!scheduledDestroyTime || target.state === "DESTROYED") return;
  if (scheduledDestroyTime <= (await databaseNow(tx))) throw alreadyDestroyed(version);
}

function alreadyDestroyed({ versionNumber }: SecretVersion): CofferError {
  return new CofferError("VERSION_ALREADY_DESTROYED", `version ${versionNumber} is destroyed for good`, {
    version: String(versionNumber),
  });
}

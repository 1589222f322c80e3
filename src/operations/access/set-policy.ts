// SetAccessPolicy: replaces the conditions and statements of a secret's access policy.

import type { AccessStatement } from "../../domain/access/access-policy.ts";
import { type AccessPolicy, policyText, policyWith } from "../../domain/access/access-policy.ts";
import { checkActive, checkEtag, type Secret } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { bindPolicy, checkMaySet, replaceStatementRules } from "../../steps/access/statement-rules.ts";
import { authorizePolicyChange } from "../../steps/authorize.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findSecretOrFail, lockSecretOrFail } from "../../steps/secrets/find.ts";
import { askedSecret, type ReportDeps, reportCorrupt } from "../../steps/secrets/report-corrupt.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import { updateAccessPolicy } from "../../store/access-policies.ts";

export interface SetAccessPolicyInput {
  secret: SecretRefInput;
  /** The etag of the secret. */
  etag: string | undefined;
  /** The new conditions; undefined: none. */
  accessPolicy: AccessPolicy | undefined;
  /** They replace the earlier statements; undefined: those stay. */
  statements?: readonly AccessStatement[];
}

/**
 * Fails with SECRET_NOT_FOUND, ETAG_MISMATCH, SECRET_SOFT_DELETED or VALUE_CORRUPT. With old or new statements it also fails with
 * PERMISSION_MISSING, GRANT_EXCEEDS_CALLER or ACCESS_RULE_LIMIT.
 */
export async function setAccessPolicy(
  deps: MutationDeps & ReportDeps & Pick<Deps, "regions" | "deploymentKeys" | "accessRules">,
  caller: Caller,
  { secret: asked, etag, accessPolicy, statements }: SetAccessPolicyInput,
): Promise<MutationResult<Secret>> {
  const grant = await authorizeSecret(deps, caller, "secrets.update", asked);
  checkMaySet(caller, statements ?? []);
  const { workspaceId } = grant;
  const ref = refOf(deps, asked);
  const outcome = await mutate(deps, caller, {
    grant,
    async prepare() {
      const { secretId } = await findSecretOrFail(deps, deps.database, workspaceId, ref);
      return { subject: { resourceType: "secret", resourceId: secretId } };
    },
    async apply(tx, { subject }) {
      const secret = await lockSecretOrFail(deps, tx, workspaceId, subject.resourceId);
      authorizePolicyChange(caller, secret);
      checkEtag(secret, etag);
      checkActive(secret);
      const policy = statements
        ? await bindPolicy(deps, tx, workspaceId, accessPolicy, statements)
        : policyWith(accessPolicy?.conditions ?? [], secret.accessPolicy?.statements ?? []);
      const next = { ...secret, accessPolicyText: policy && policyText(policy) };
      if (statements) await replaceStatementRules(deps, tx, caller, secret, policy);
      return updateAccessPolicy(tx, { ...next, rowMac: macOf(deps.deploymentKeys, coveredOfSecret(next)) });
    },
    async replay(sql, secretId) {
      const secret = await findSecretOrFail(deps, sql, workspaceId, { by: "id", secretId });
      authorizePolicyChange(caller, secret);
      return secret;
    },
  }).catch((error: unknown) => reportCorrupt(deps, caller, grant, askedSecret(asked), error));
  if (statements && !outcome.replayed) deps.accessRules.drop(workspaceId);
  return outcome;
}

// SetAccessPolicy: from where and when the values of a secret may be read and written from now on.
import type { Deps } from "../../deps.ts";
import { type AccessPolicy, policyText } from "../../domain/access-policy.ts";
import type { Caller } from "../../domain/caller.ts";
import { checkActive, checkEtag, type Secret } from "../../domain/secret.ts";
import type { StatementGrant } from "../../domain/statement-rules.ts";
import { updateAccessPolicy } from "../../store/access-policies.ts";
import { authorizeFound } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { coveredOfSecret, macOf } from "../row-macs.ts";
import { authorizeSecret } from "../secrets/authorize-secret.ts";
import { findSecretOrFail, lockSecretOrFail, secretById } from "../secrets/find.ts";
import { askedSecret, type ReportDeps, reportCorrupt } from "../secrets/report-corrupt.ts";
import { refOf, type SecretRefInput } from "../secrets/secret-ref.ts";
import { checkMayGrant, replaceStatementRules } from "./statement-rules.ts";

export interface SetAccessPolicyInput {
  secret: SecretRefInput;
  /** The secret's. */
  etag: string | undefined;
  /** Undefined: none any more. */
  accessPolicy: AccessPolicy | undefined;
  /** What takes the place of the rules that came with earlier policies; undefined: these stay. */
  statementGrants?: readonly StatementGrant[];
}

/**
 * Fails with SECRET_NOT_FOUND, ETAG_MISMATCH, SECRET_SOFT_DELETED or VALUE_CORRUPT; where there are or were statements also with
 * PERMISSION_MISSING, GRANT_EXCEEDS_CALLER or ACCESS_RULE_LIMIT.
 */
export async function setAccessPolicy(
  deps: MutationDeps & ReportDeps & Pick<Deps, "regions" | "deploymentKeys" | "accessRules">,
  caller: Caller,
  { secret: asked, etag, accessPolicy, statementGrants }: SetAccessPolicyInput,
): Promise<Outcome<Secret>> {
  const grant = await authorizeSecret(deps, caller, "secrets.update", asked);
  checkMayGrant(caller, statementGrants ?? []);
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
      authorizeFound(caller, "secrets.update", secret);
      checkEtag(secret, etag);
      checkActive(secret);
      const next = { ...secret, accessPolicyText: accessPolicy && policyText(accessPolicy) };
      if (statementGrants) await replaceStatementRules(deps, tx, caller, secret, statementGrants);
      return updateAccessPolicy(tx, { ...next, rowMac: macOf(deps.deploymentKeys, coveredOfSecret(next)) });
    },
    replay: secretById(deps, caller, grant),
  }).catch((error: unknown) => reportCorrupt(deps, caller, grant, askedSecret(asked), error));
  if (statementGrants && !outcome.replayed) deps.accessRules.drop(workspaceId);
  return outcome;
}

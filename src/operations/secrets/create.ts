// CreateSecret: a secret with its first version, or nothing.

import type { AccessStatement } from "../../domain/access/access-policy.ts";
import { type AccessPolicy, policyText } from "../../domain/access/access-policy.ts";
import { checkCredentialFields, type ValueKind } from "../../domain/credential/check-value.ts";
import { authMethodOf, checkKind, isCredentialKind, revealableOf } from "../../domain/credential/kinds.ts";
import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import { checkAll, type FieldViolation, failOn } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import { checkAnnotations, type Expiration, type Secret } from "../../domain/secret/secret.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { seal } from "../../envelope/envelope.ts";
import { coveredOfCredential, coveredOfEgressRule, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { addStatementRules, bindPolicy, checkMaySet } from "../../steps/access/statement-rules.ts";
import { authorizeAt, authorizeSomewhere } from "../../steps/authorize.ts";
import { checkReference, keepReferredConnection } from "../../steps/external-vaults/check-reference.ts";
import { type SealingKeyDeps, type SealingKeyRef, sealingKey } from "../../steps/keys/sealing-key.ts";
import { type Mutation, type MutationDeps, mutate, type Outcome, type Prepared } from "../../steps/mutation.ts";
import { checkFitsRule } from "../../steps/secrets/egress-value.ts";
import { checkExpiration, expireTimeOf } from "../../steps/secrets/expiration.ts";
import { secretById } from "../../steps/secrets/find.ts";
import { withFreePath } from "../../steps/secrets/free-path.ts";
import { newSecretMac } from "../../steps/secrets/new-secret-mac.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import {
  checkValue,
  discard,
  payloadOf,
  type ValueInput,
  vaultConnectionIdOf,
} from "../../steps/secrets/value-input.ts";
import { newEnabledVersion } from "../../steps/versions/insert.ts";
import { checkQuota } from "../../steps/workspaces/check-quota.ts";
import { databaseNow } from "../../store/clock.ts";
import { createSecretAtOnce } from "../../store/create-secret.ts";
import type { Tx } from "../../store/database.ts";
import { insertSecret, type NewSecret } from "../../store/secrets.ts";
import { insertVersion, type NewVersion } from "../../store/versions.ts";

/** An empty region is the default one, an empty key without a name the region's default key. */
export interface CreateSecretInput
  extends Omit<
    NewSecret,
    | "workspaceId"
    | "secretId"
    | "rowMac"
    | "expireTime"
    | "createTime"
    | "credentialMac"
    | "isValidated"
    | "accessPolicyText"
    | "revealable"
    | "createdBy"
    | "egress"
    | "egressMac"
  > {
  /** Undefined: never. */
  expiration: Expiration | undefined;
  /** Undefined: none. */
  egress?: EgressRule | undefined;
  /** Judged when its values are read and written, not now. */
  accessPolicy: AccessPolicy | undefined;
  /** The statements of its access policy. */
  statements?: readonly AccessStatement[];
  /** Undefined: as its kind says. */
  revealable: boolean | undefined;
  /** What the request calls a credential field. */
  credentialFieldOf: (name: string) => string;
  /** Undefined only for a value that `broken` names. */
  value: ValueInput | undefined;
  /** Violations that were found while the request was read. */
  broken?: readonly FieldViolation[];
  /** The request's field for the name, if it is not `name`. */
  nameField?: string;
  /** What the request calls the kind, where it is not `kind`. */
  kindField?: string;
  /** The name of a key of the region, instead of its id. */
  kmsKeyName?: string;
}

interface PreparedSecret extends Prepared {
  secret: NewSecret;
  version: NewVersion;
}

type CreateSecretDeps = MutationDeps & SealingKeyDeps & Pick<Deps, "regions" | "validations" | "accessRules">;

/**
 * Fails with NAME_TAKEN, VAULT_CONNECTION_NOT_FOUND, KEY_NOT_FOUND, KEY_NOT_ACTIVE, QUOTA_EXCEEDED or FIELD_INVALID; for statements
 * also as `checkMaySet` does.
 */
export async function createSecret(
  deps: CreateSecretDeps,
  caller: Caller,
  input: CreateSecretInput,
): Promise<Outcome<Secret>> {
  const { workspaceId } = authorizeSomewhere(caller, "secrets.create");
  checkAll(
    () => failOn(input.broken ?? []),
    () => checkSecretName(input.name, input.nameField),
    () => checkKind(input.kind, input.kindField),
    () => revealableOf(input.kind, input.revealable),
    () => checkCredentialFields(input.kind, input.credentialFields, input.credentialFieldOf),
    () => checkAnnotations(input.annotations, "annotations"),
    () => checkExpiration(input.expiration),
    () => regionOf(deps, input.region),
    () => input.value && checkFitsRule(input.egress, input.value),
    () => input.value && checkValue(input.value, valueKindOf(input)),
    () => valueKindOf(input),
  );
  const { value } = input;
  if (!value) throw new Error("a value that cannot be read must be named in `broken`");
  const region = regionOf(deps, input.region);
  const place = { workspaceId, region, path: pathOf(input.name) };
  const grant = authorizeAt(caller, "secrets.create", place);
  // What a vault says would go where the rule leads.
  if (input.egress && value.case === "reference") authorizeAt(caller, "versions.access", place);
  const { statements = [] } = input;
  checkMaySet(caller, statements);
  const secretId = newId("sec", deps.now(), deps.random);
  const { authMethod } = valueKindOf(input);
  const revealable = revealableOf(input.kind, input.revealable);
  const payload = payloadOf(value, { kind: input.kind, authMethod }, deps.random);
  const vaultConnectionId = vaultConnectionIdOf(value);
  const { egress } = input;
  const isValidated = isCredentialKind(input.kind);
  try {
    const outcome = await withFreePath(
      deps,
      caller,
      async () => place,
      () =>
        mutate(deps, caller, {
          grant,
          async prepare() {
            await checkReference(deps.database, workspaceId, value);
            const policy = await bindPolicy(deps, deps.database, workspaceId, input.accessPolicy, statements);
            const accessPolicyText = policy && policyText(policy);
            const keyVersion = await sealingKey(deps, workspaceId, keyRefOf(region, input));
            const context = { deploymentId: deps.deploymentId, workspaceId, secretId, versionNumber: 1 };
            const envelope = seal({ keyVersion, context, payload, random: deps.random });
            const { kmsKeyId } = keyVersion;
            const row = {
              ...input,
              ...{
                workspaceId,
                secretId,
                region,
                kmsKeyId,
                isValidated,
                accessPolicyText,
                authMethod,
                revealable,
                egress,
              },
              createdBy: caller.principalId,
              // A secret that expires gets its expire time and MAC in the transaction.
              expireTime: undefined,
              createTime: undefined,
            };
            return {
              subject: { resourceType: "secret", resourceId: secretId, versionNumber: 1 },
              secret: {
                ...row,
                rowMac: newSecretMac(deps, row),
                egressMac:
                  egress && macOf(deps.deploymentKeys, coveredOfEgressRule({ workspaceId, secretId, rule: egress })),
                credentialMac: isValidated ? macOf(deps.deploymentKeys, coveredOfCredential(row)) : undefined,
              },
              version: newEnabledVersion(deps, {
                workspaceId,
                secretId,
                versionId: newId("secv", deps.now(), deps.random),
                versionNumber: 1,
                comment: "",
                payloadForm: payload.form,
                vaultConnectionId,
                envelope,
                kmsKeyId,
                kmsKeyVersion: keyVersion.version,
              }),
            };
          },
          async apply(tx, { secret: row, version }) {
            await checkQuota(tx, workspaceId, "secrets");
            await keepReferredConnection(tx, workspaceId, value);
            const secret = await insertSecret(tx, await withExpiration(deps, tx, row, input.expiration));
            await insertVersion(tx, version);
            await addStatementRules(deps, tx, secret);
            return secret;
          },
          // An expiration is judged by the database's clock, a connection kept and rules counted, between the statements.
          ...(input.expiration || vaultConnectionId !== undefined || statements.length > 0
            ? {}
            : { applyAtOnce: (prepared, records) => createSecretAtOnce(deps.database, { ...prepared, ...records }) }),
          replay: secretById(deps, caller, grant),
        } satisfies Mutation<PreparedSecret, Secret>),
    );
    if (statements.length > 0 && !outcome.replayed) deps.accessRules.drop(workspaceId);
    if (isValidated && !outcome.replayed) deps.validations.enqueue(outcome.resource);
    return outcome;
  } finally {
    discard(payload);
  }
}

function valueKindOf({ kind, authMethod }: CreateSecretInput): ValueKind {
  return { kind, authMethod: authMethodOf(kind, authMethod, "auth_method") };
}

/** Computes the expire_time after the waits for locks. */
async function withExpiration(
  deps: Pick<Deps, "deploymentKeys">,
  tx: Tx,
  row: NewSecret,
  expiration: Expiration | undefined,
): Promise<NewSecret> {
  if (!expiration) return row;
  const createTime = await databaseNow(tx);
  const next = { ...row, createTime, expireTime: expireTimeOf(expiration, createTime) };
  return { ...next, rowMac: newSecretMac(deps, next) };
}

function keyRefOf(region: string, { kmsKeyId, kmsKeyName }: CreateSecretInput): SealingKeyRef {
  if (kmsKeyName !== undefined) return { region, kmsKeyName };
  return kmsKeyId === "" ? { region } : { region, kmsKeyId };
}

// AddSecretVersion: a new value, which becomes the current one.

import type { AuditSubject } from "../../domain/audit/audit-event.ts";
import { CofferError } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { Payload } from "../../domain/secret/payload.ts";
import { checkActive, type Secret } from "../../domain/secret/secret.ts";
import type { SecretVersion } from "../../domain/secret/version.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorizeFound } from "../../steps/authorize.ts";
import { checkReference, lockReferencedConnection } from "../../steps/external-vaults/check-reference.ts";
import {
  findSealingKey,
  rememberedSealingKey,
  type SealingKey,
  type SealingKeyDeps,
  type SealingKeyRef,
} from "../../steps/keys/sealing-key.ts";
import {
  type MutationDeps,
  type MutationRecords,
  type MutationResult,
  mutate,
  type PreparedMutation,
} from "../../steps/mutation.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findForWriting, lockForWriting } from "../../steps/secrets/check-access.ts";
import { checkFitsRule } from "../../steps/secrets/egress-value.ts";
import { askedSecret, type ReportDeps, reportCorrupt } from "../../steps/secrets/report-corrupt.ts";
import { refOf, type SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import {
  checkAnyValue,
  checkValue,
  discard,
  payloadOf,
  type ValueInput,
  vaultConnectionIdOf,
} from "../../steps/secrets/value-input.ts";
import { appendVersion, sealNextVersion } from "../../steps/versions/append.ts";
import { versionById } from "../../steps/versions/find.ts";
import type { TimedSecret } from "../../store/find-secrets.ts";

export interface AddVersionInput {
  secret: SecretRefInput;
  value: ValueInput;
  comment: string;
  /** When given, the version is added only if this is the current one (0: there is none). */
  expectedCurrentVersion: number | undefined;
}

type AddVersionDeps = MutationDeps &
  SealingKeyDeps &
  ReportDeps &
  Pick<Deps, "regions" | "validations" | "secretWriter">;

interface PreparedVersion extends PreparedMutation, SealingKey {
  secretId: string;
  payload: Payload;
}

/**
 * Fails with ACCESS_POLICY_DENIED, SECRET_NOT_FOUND, SECRET_SOFT_DELETED, CURRENT_VERSION_MISMATCH, VAULT_CONNECTION_NOT_FOUND,
 * KEY_NOT_ACTIVE or VALUE_CORRUPT.
 */
export async function addSecretVersion(
  deps: AddVersionDeps,
  caller: Caller,
  input: AddVersionInput,
): Promise<MutationResult<SecretVersion>> {
  checkAnyValue(input.value);
  const grant = await authorizeSecret(deps, caller, "versions.add", input.secret);
  const { workspaceId } = grant;
  const ref = refOf(deps, input.secret);
  const versionId = newId("secv", deps.now(), deps.random);
  const vaultConnectionId = vaultConnectionIdOf(input.value);
  const { comment } = input;
  let found: TimedSecret | undefined;
  let made: Payload | undefined;

  const prepareWith = async (
    takeKey: (ref: SealingKeyRef) => SealingKey | undefined | Promise<SealingKey>,
  ): Promise<PreparedVersion> => {
    found ??= await findForWriting(deps, deps.database, caller, workspaceId, ref);
    const { secretId, kind, authMethod, kmsKeyId, region, egress } = found;
    checkFitsRule(egress, input.value);
    const keyRef = { kmsKeyId, region };
    const sealing = (await takeKey(keyRef)) ?? (await findSealingKey(deps, workspaceId, keyRef));
    await checkReference(deps.database, workspaceId, input.value);
    checkValue(input.value, { kind, authMethod });
    made ??= payloadOf(input.value, deps.random);
    const subject: AuditSubject = { resourceType: "secret_version", resourceId: versionId };
    return { subject, secretId, ...sealing, payload: made };
  };

  /** For a secret that no time decides about: the statement compares it with what was read. */
  const applyAtOnce = async (recordsOf: (subject: AuditSubject) => MutationRecords) => {
    const { subject, key, keyVersion, payload } = await prepareWith((keyRef) =>
      rememberedSealingKey(deps, workspaceId, keyRef),
    );
    const secret = found;
    if (secret?.state !== "ACTIVE" || secret.expireTime || secret.accessPolicyText !== undefined) return undefined;
    authorizeFound(caller, "versions.add", secret);
    checkCurrentVersion(secret, input.expectedCurrentVersion);
    const appended = { versionId, comment, keyVersion, payload, vaultConnectionId };
    const { row: version, signed } = sealNextVersion(deps, secret, appended);
    const records = recordsOf({ ...subject, versionNumber: version.versionNumber });
    return deps.secretWriter.append({ secret, version, nextRowMac: signed.rowMac, key, ...records });
  };

  const outcome = await mutate<PreparedVersion, SecretVersion>(deps, caller, {
    grant,
    prepare: () => prepareWith(() => undefined),
    // A referenced vault connection is locked.
    ...(vaultConnectionId === undefined ? { applyAtOnce } : {}),
    async apply(tx, { subject, secretId, keyVersion, payload }) {
      const secret = await lockForWriting(deps, tx, caller, { workspaceId, secretId });
      authorizeFound(caller, "versions.add", secret);
      checkActive(secret);
      checkFitsRule(secret.egress, input.value);
      // The egress rule decides where the value from the vault is sent.
      if (secret.egress && input.value.case === "reference") authorizeFound(caller, "versions.access", secret);
      checkCurrentVersion(secret, input.expectedCurrentVersion);
      await lockReferencedConnection(tx, workspaceId, input.value);
      subject.versionNumber = secret.versionCount + 1;
      const appended = { versionId, comment, keyVersion, payload, vaultConnectionId };
      return (await appendVersion(deps, tx, secret, appended)).version;
    },
    async replay(sql, id) {
      const version = await versionById(deps, caller, grant)(sql, id);
      // A replay requires the same access as the first call.
      await findForWriting(deps, sql, caller, workspaceId, { by: "id", secretId: version.secretId });
      return version;
    },
  })
    .catch((error: unknown) => reportCorrupt(deps, caller, grant, askedSecret(input.secret), error))
    .finally(() => made && discard(made));
  // The queue ignores kinds that are not credentials.
  if (!outcome.replayed) deps.validations.enqueue(outcome.resource);
  return outcome;
}

function checkCurrentVersion({ currentVersion }: Secret, expected: number | undefined): void {
  if (expected === undefined || expected === currentVersion) return;
  throw new CofferError("CURRENT_VERSION_MISMATCH", `the current version is ${currentVersion}`, {
    current_version: String(currentVersion),
  });
}

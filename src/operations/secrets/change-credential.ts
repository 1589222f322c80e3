// Changes the name, description, kind and value of a credential together, or nothing.

import type { AuditSubject } from "../../domain/audit/audit-event.ts";
import { authMethodNamed, authMethodOf, checkKind } from "../../domain/credential/kinds.ts";
import { CofferError, checkAll, invalidField } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { Payload } from "../../domain/secret/payload.ts";
import { checkActive, type Secret } from "../../domain/secret/secret.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfCredential, coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { addStatementRules } from "../../steps/access/statement-rules.ts";
import { authorizeAt, authorizeFound } from "../../steps/authorize.ts";
import { checkReference, lockReferencedConnection } from "../../steps/external-vaults/check-reference.ts";
import { type SealingKeyDeps, sealingKey } from "../../steps/keys/sealing-key.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import { authorizeSecret } from "../../steps/secrets/authorize-secret.ts";
import { findForWriting, lockForWriting } from "../../steps/secrets/check-access.ts";
import { findSecretOrFail, lockSecretOrFail, secretById } from "../../steps/secrets/find.ts";
import { freeExpiredPathAndRetry } from "../../steps/secrets/free-path.ts";
import { askedSecret, type ReportDeps, reportCorrupt } from "../../steps/secrets/report-corrupt.ts";
import {
  checkValue,
  discard,
  payloadOf,
  type ValueInput,
  vaultConnectionIdOf,
} from "../../steps/secrets/value-input.ts";
import { appendVersion } from "../../steps/versions/append.ts";
import { findCredentialMac, updateCredential } from "../../store/credentials.ts";
import type { Tx } from "../../store/database.ts";
import type { StoredSecret } from "../../store/rows/secret.ts";
import { updateSecret as writeSecret } from "../../store/secrets.ts";

/** Properties that are left out stay the same. */
export interface ChangeCredentialInput {
  secretId: string;
  name?: string | undefined;
  description?: string | undefined;
  /** A kind of the same family: made of fields, and never returned. */
  kind?: string | undefined;
  authMethod?: string | undefined;
  value?: ValueInput | undefined;
  /** The request's fields for the kind and the value. */
  fields: { kind: string; value: string };
}

type ChangeCredentialDeps = MutationDeps &
  SealingKeyDeps &
  ReportDeps &
  Pick<Deps, "regions" | "deploymentKeys" | "validations">;

/** Fails with SECRET_NOT_FOUND, NAME_TAKEN, SECRET_SOFT_DELETED, ACCESS_POLICY_DENIED, KEY_NOT_ACTIVE or FIELD_INVALID. */
export async function changeCredential(
  deps: ChangeCredentialDeps,
  caller: Caller,
  input: ChangeCredentialInput,
): Promise<MutationResult<Secret>> {
  const { secretId, value } = input;
  const grant = await authorizeSecret(deps, caller, "secrets.update", { id: secretId });
  if (value) await authorizeSecret(deps, caller, "versions.add", { id: secretId });
  const { workspaceId } = grant;
  checkAll(
    () => input.name !== undefined && checkSecretName(input.name, "name"),
    () => input.kind !== undefined && checkKind(input.kind, input.fields.kind),
  );
  const ref = { by: "id", secretId } as const;
  const find = () =>
    value
      ? findForWriting(deps, deps.database, caller, workspaceId, ref)
      : findSecretOrFail(deps, deps.database, workspaceId, ref);
  const lock = (tx: Tx) =>
    value
      ? lockForWriting(deps, tx, caller, { workspaceId, secretId })
      : lockSecretOrFail(deps, tx, workspaceId, secretId);
  const made: Payload[] = [];
  const run = () =>
    mutate(deps, caller, {
      grant,
      async prepare() {
        const secret = await find();
        authorizeFound(caller, "secrets.update", secret);
        const becomes = kindAfter(secret, input);
        const subject: AuditSubject = { resourceType: "secret", resourceId: secretId };
        if (!value) return { subject };
        const keyVersion = await sealingKey(deps, workspaceId, secret);
        await checkReference(deps.database, workspaceId, value);
        checkValue(value, becomes);
        const payload = payloadOf(value, deps.random);
        made.push(payload);
        return { subject, sealing: { value, keyVersion, payload, becomes } };
      },
      async apply(tx, { subject, sealing }) {
        const before = await lock(tx);
        let secret: StoredSecret = before;
        authorizeFound(caller, "secrets.update", secret);
        checkActive(secret);
        const { region } = secret;
        if (input.name !== undefined) authorizeAt(caller, "secrets.update", { region, path: pathOf(input.name) });
        const becomes = kindAfter(secret, input);
        if (sealing) {
          if (becomes.kind !== sealing.becomes.kind || becomes.authMethod !== sealing.becomes.authMethod) {
            throw new CofferError(
              "CONCURRENT_CHANGE",
              "another call changed the kind of the credential at the same time; retry",
            );
          }
          authorizeFound(caller, "versions.add", secret);
          await lockReferencedConnection(tx, workspaceId, sealing.value);
          subject.versionNumber = secret.versionCount + 1;
          const versionId = newId("secv", deps.now(), deps.random);
          const vaultConnectionId = vaultConnectionIdOf(sealing.value);
          const appended = { ...sealing, versionId, comment: "", vaultConnectionId };
          ({ secret } = await appendVersion(deps, tx, secret, appended));
        }
        if (becomes.kind !== secret.kind || becomes.authMethod !== secret.authMethod) {
          await checkCredential(deps, tx, secret);
          const next = { ...secret, ...becomes };
          await updateCredential(tx, { ...next, credentialMac: macOf(deps.deploymentKeys, coveredOfCredential(next)) });
        }
        const { name = secret.name, description = secret.description } = input;
        const next = { ...secret, name, description, path: pathOf(name) };
        const changed = await writeSecret(tx, { ...next, rowMac: macOf(deps.deploymentKeys, coveredOfSecret(next)) });
        if (changed.path !== before.path) await addStatementRules(deps, tx, changed);
        return changed;
      },
      replay: secretById(deps, caller, grant),
    });
  const findLocation = async () => {
    const { region, name } = await findSecretOrFail(deps, deps.database, workspaceId, ref);
    return { workspaceId, region, path: pathOf(input.name ?? name) };
  };
  const outcome = await freeExpiredPathAndRetry(deps, caller, findLocation, run)
    .catch((error: unknown) => reportCorrupt(deps, caller, grant, askedSecret({ id: secretId }), error))
    .finally(() => made.forEach(discard));
  if (!outcome.replayed) deps.validations.enqueue(outcome.resource);
  return outcome;
}

/** Fails with VALUE_CORRUPT if SQL has changed the fields: a new MAC would make that change valid. */
async function checkCredential(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  tx: Tx,
  secret: Secret,
): Promise<void> {
  if (!secret.validation) return;
  checkAuthentic(deploymentKeys, coveredOfCredential(secret), await findCredentialMac(tx, secret));
}

/** Fails unless the kind has the method, and the stored or the given value has the method's fields. */
function kindAfter(secret: Secret, input: ChangeCredentialInput): { kind: string; authMethod: string } {
  const kind = input.kind ?? secret.kind;
  const authMethod = authMethodOf(kind, input.authMethod ?? secret.authMethod, "auth_method");
  const fieldsOf = (kindName: string, method: string) =>
    (authMethodNamed(kindName, method)?.fields ?? []).map(({ name }) => name).join();
  if (!input.value && fieldsOf(kind, authMethod) !== fieldsOf(secret.kind, secret.authMethod)) {
    throw invalidField(input.fields.value, `is required, because ${authMethod} has other fields than the stored value`);
  }
  return { kind, authMethod };
}

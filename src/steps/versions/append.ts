// Appends a version to a locked secret. The value is bound to the version's number, which is certain only under the lock.

import type { Payload } from "../../domain/secret/payload.ts";
import type { SecretVersion } from "../../domain/secret/version.ts";
import { seal } from "../../envelope/envelope.ts";
import type { KeyVersion } from "../../envelope/key-version.ts";
import { coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { Tx } from "../../store/database.ts";
import type { StoredSecret } from "../../store/rows/secret.ts";
import { countNewVersion, insertVersion, type NewVersion } from "../../store/versions.ts";
import { newEnabledVersion } from "./new-version.ts";

interface AppendedVersion {
  versionId: string;
  comment: string;
  keyVersion: KeyVersion;
  payload: Payload;
  vaultConnectionId: string | undefined;
}

type AppendDeps = Pick<Deps, "deploymentId" | "deploymentKeys" | "random">;

/** Returns the new current version and the changed secret. Does not consume the payload, because the transaction may run again. */
export async function appendVersion(
  deps: AppendDeps,
  tx: Tx,
  secret: StoredSecret,
  appended: AppendedVersion,
): Promise<{ version: SecretVersion; secret: StoredSecret }> {
  const { row, signed } = sealNextVersion(deps, secret, appended);
  const version = await insertVersion(tx, row);
  await countNewVersion(tx, signed);
  return { version, secret: signed };
}

/** Returns the rows that a new version makes: its own, and the secret's. They are right only for a secret that does not change meanwhile. */
export function sealNextVersion(
  deps: AppendDeps,
  secret: StoredSecret,
  { versionId, comment, keyVersion, payload, vaultConnectionId }: AppendedVersion,
): { row: NewVersion; signed: StoredSecret } {
  const { workspaceId, secretId, versionCount } = secret;
  const versionNumber = versionCount + 1;
  const context = { deploymentId: deps.deploymentId, workspaceId, secretId, versionNumber };
  const envelope = seal({ keyVersion, context, payload, random: deps.random });
  const row = newEnabledVersion(deps, {
    workspaceId,
    secretId,
    versionId,
    versionNumber,
    comment,
    payloadForm: payload.form,
    vaultConnectionId,
    envelope,
    kmsKeyId: keyVersion.kmsKeyId,
    kmsKeyVersion: keyVersion.version,
  });
  const next = { ...secret, versionCount: versionNumber, currentVersion: versionNumber };
  return { row, signed: { ...next, rowMac: macOf(deps.deploymentKeys, coveredOfSecret(next)) } };
}

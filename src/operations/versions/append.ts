// Appends a version to a secret whose row is locked: only then is its number, which the value is bound to, certain.
import type { Deps } from "../../deps.ts";
import type { Payload } from "../../domain/payload.ts";
import type { Secret } from "../../domain/secret.ts";
import type { SecretVersion } from "../../domain/version.ts";
import { seal } from "../../envelope/envelope.ts";
import type { KeyVersion } from "../../envelope/key-version.ts";
import type { Tx } from "../../store/database.ts";
import { countNewVersion, insertVersion } from "../../store/versions.ts";
import { newEnabledVersion } from "./insert.ts";

interface AppendedVersion {
  versionId: string;
  comment: string;
  keyVersion: KeyVersion;
  payload: Payload;
  vaultConnectionId: string | undefined;
}

/** The new current version. The payload stays as it is: a transaction that did nothing runs again. */
export async function appendVersion(
  deps: Pick<Deps, "deploymentId" | "deploymentKeys" | "random">,
  tx: Tx,
  { workspaceId, secretId, versionCount }: Pick<Secret, "workspaceId" | "secretId" | "versionCount">,
  { versionId, comment, keyVersion, payload, vaultConnectionId }: AppendedVersion,
): Promise<SecretVersion> {
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
  const version = await insertVersion(tx, row);
  await countNewVersion(tx, version);
  return version;
}

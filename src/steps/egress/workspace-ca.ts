// Finds or makes the certificate authority of a workspace. Its key is sealed like a secret.

import { newId } from "../../domain/ids.ts";
import { checkKeyActive } from "../../domain/key/kms-key.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import { valueCorrupt } from "../../envelope/corrupt.ts";
import { open, seal } from "../../envelope/envelope.ts";
import { checkAuthentic, coveredOfEgressCa, coveredOfKmsKey, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findEgressCa, putEgressCa } from "../../store/egress-cas.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import type { StoredEgressCa } from "../../store/rows/egress-ca.ts";
import { type SealingKeyDeps, sealingKey } from "../keys/sealing-key.ts";
import { type Ca, makeCa, readCa } from "./certificates.ts";

export type WorkspaceCaDeps = SealingKeyDeps & Pick<Deps, "regions">;

/** Fails with KEY_NOT_ACTIVE or VALUE_CORRUPT. */
export async function workspaceCa(deps: WorkspaceCaDeps, workspaceId: string): Promise<Ca> {
  const found = await findEgressCa(deps.database, workspaceId);
  const opened = found && (await openCa(deps, found));
  if (opened) return opened;
  await makeWorkspaceCa(deps, workspaceId, found?.caId);
  const made = await findEgressCa(deps.database, workspaceId);
  const ca = made && (await openCa(deps, made));
  if (!ca) throw valueCorrupt();
  return ca;
}

/** Returns undefined when the key that seals it is destroyed. Then another authority must replace it. */
async function openCa(deps: WorkspaceCaDeps, stored: StoredEgressCa): Promise<Ca | undefined> {
  checkAuthentic(deps.deploymentKeys, coveredOfEgressCa(stored), stored.mac);
  const { workspaceId, kmsKeyId, kmsKeyVersion, certificate, envelope } = stored;
  const key = await findKmsKey(deps.database, workspaceId, { kmsKeyId });
  if (!key) throw valueCorrupt();
  checkAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac);
  if (key.state === "DESTROYED") return undefined;
  checkKeyActive(key);
  const keyVersion = await deps.keyMaterial.get(key, kmsKeyVersion);
  using bytes = open({ envelope, keyVersion, context: contextOf(deps, stored), form: "data" }).bytes;
  // Awaited here, because the bytes are overwritten at the end of this block.
  return await readCa(certificate, bytes.reveal());
}

async function makeWorkspaceCa(deps: WorkspaceCaDeps, workspaceId: string, instead: string | undefined): Promise<void> {
  const keyVersion = await sealingKey(deps, workspaceId, { region: deps.regions[0] });
  const { ca, pkcs8 } = await makeCa(workspaceId, deps.now(), deps.random);
  using bytes = new Sensitive(pkcs8);
  const caId = newId("eca", deps.now(), deps.random);
  const context = contextOf(deps, { workspaceId, caId });
  const envelope = seal({ keyVersion, context, payload: { form: "data", bytes }, random: deps.random });
  const { kmsKeyId, version: kmsKeyVersion } = keyVersion;
  const stored = { workspaceId, caId, certificate: ca.certificate, envelope, kmsKeyId, kmsKeyVersion };
  await putEgressCa(deps.database, { ...stored, mac: macOf(deps.deploymentKeys, coveredOfEgressCa(stored)) }, instead);
}

/** The id is not that of a secret, so no ciphertext of a secret opens here. */
function contextOf(deps: WorkspaceCaDeps, { workspaceId, caId }: Pick<StoredEgressCa, "workspaceId" | "caId">) {
  return { deploymentId: deps.deploymentId, workspaceId, secretId: caId, versionNumber: 1 };
}

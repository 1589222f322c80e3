// Seals and opens the variables of a sandbox like values, because people put secrets there.
import { checkKeyActive } from "../../domain/key/kms-key.ts";
import type { ValueContext } from "../../envelope/aad.ts";
import { valueCorrupt } from "../../envelope/corrupt.ts";
import { open, seal } from "../../envelope/envelope.ts";
import { decodeKeyValues, keyValuesPayload } from "../../envelope/payload.ts";
import { checkAuthentic, coveredOfKmsKey } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { findKmsKey } from "../../store/kms-keys.ts";
import type { SealedEnvVars, StoredSandbox } from "../../store/sandboxes.ts";
import { type SealingKeyDeps, sealingKey } from "../keys/sealing-key.ts";

export type EnvVars = Readonly<Record<string, string>>;
export type SealEnvVarsDeps = SealingKeyDeps & Pick<Deps, "regions">;
export type OpenEnvVarsDeps = Pick<Deps, "database" | "deploymentKeys" | "deploymentId" | "keyMaterial">;

type Owner = Pick<StoredSandbox, "workspaceId" | "sandboxId">;

/** Seals under the default key of the default region. Returns undefined without variables. Fails with KEY_NOT_ACTIVE or VALUE_CORRUPT. */
export async function sealEnvVars(
  deps: SealEnvVarsDeps,
  owner: Owner,
  envVars: EnvVars,
): Promise<SealedEnvVars | undefined> {
  const entries = Object.entries(envVars);
  if (entries.length === 0) return undefined;
  const keyVersion = await sealingKey(deps, owner.workspaceId, { region: deps.regions[0] });
  const parts = entries.map(([name, text]) => [name, Buffer.from(text, "utf8")] as const);
  const payload = keyValuesPayload(Object.fromEntries(parts));
  using _bytes = payload.bytes;
  for (const [, bytes] of parts) bytes.fill(0);
  const context = contextOf(deps.deploymentId, owner);
  const envelope = seal({ keyVersion, context, payload, random: deps.random });
  return { envelope, kmsKeyId: keyVersion.kmsKeyId, kmsKeyVersion: keyVersion.version };
}

/** Fails with KEY_NOT_ACTIVE, or with VALUE_CORRUPT for the variables of another sandbox. */
export async function openEnvVars(
  deps: OpenEnvVarsDeps,
  { workspaceId, sandboxId, env }: Owner & Pick<StoredSandbox, "env">,
): Promise<EnvVars> {
  if (!env) return {};
  const { envelope, kmsKeyId, kmsKeyVersion } = env;
  const key = await findKmsKey(deps.database, workspaceId, { kmsKeyId });
  if (!key) throw valueCorrupt();
  checkAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac);
  checkKeyActive(key);
  const keyVersion = await deps.keyMaterial.get(key, kmsKeyVersion);
  const context = contextOf(deps.deploymentId, { workspaceId, sandboxId });
  using bytes = open({ envelope, keyVersion, context, form: "key_values" }).bytes;
  const texts = [...decodeKeyValues(bytes)].map(([name, value]) => [name, textOf(value)] as const);
  return Object.fromEntries(texts);
}

/** Reads the text without a copy of the bytes, because nobody would overwrite the copy. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}

/** The id is not that of a secret, so no ciphertext of a secret opens here. Variables are written once, so the number is always 1. */
function contextOf(deploymentId: string, { workspaceId, sandboxId }: Owner): ValueContext {
  return { deploymentId, workspaceId, secretId: sandboxId, versionNumber: 1 };
}

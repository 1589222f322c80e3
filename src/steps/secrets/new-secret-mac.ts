// Computes the MAC of a new secret's row: active, with its first version.

import { pathOf } from "../../domain/secret-name.ts";
import { coveredOfSecret, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { NewSecret } from "../../store/secrets.ts";

export function newSecretMac(
  { deploymentKeys }: Pick<Deps, "deploymentKeys">,
  secret: Pick<
    NewSecret,
    "workspaceId" | "secretId" | "region" | "name" | "expireTime" | "kmsKeyId" | "revealable" | "accessPolicyText"
  >,
): Uint8Array {
  const firstVersion = { versionAliases: {}, versionCount: 1, currentVersion: 1 };
  const covered = { ...secret, ...firstVersion, path: pathOf(secret.name), storedState: "ACTIVE" } as const;
  return macOf(deploymentKeys, coveredOfSecret(covered));
}

// Seals the credentials of connections like values, bound to the connection and the number of the credentials.

import type { VaultConnection } from "../../domain/external-vault/vault-connection.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import type { ValueContext } from "../../envelope/aad.ts";
import { open, seal } from "../../envelope/envelope.ts";
import type { KeyVersion } from "../../envelope/key-version.ts";
import { decodeKeyValues, keyValuesPayload } from "../../envelope/payload.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { StoredVaultConnection } from "../../store/rows/vault-connection.ts";

type Owner = Pick<VaultConnection, "workspaceId" | "vaultConnectionId" | "credentialsVersion">;

/** The stored form of credentials. */
export function sealCredentials(
  { deploymentId, random }: Pick<Deps, "deploymentId" | "random">,
  connection: Owner,
  keyVersion: KeyVersion,
  credentials: Readonly<Record<string, string>>,
): Pick<StoredVaultConnection, "envelope" | "kmsKeyId" | "kmsKeyVersion"> {
  const parts = Object.entries(credentials).map(([name, text]) => [name, Buffer.from(text, "utf8")] as const);
  const payload = keyValuesPayload(Object.fromEntries(parts));
  using _bytes = payload.bytes;
  for (const [, bytes] of parts) bytes.fill(0);
  const envelope = seal({ keyVersion, context: contextOf(deploymentId, connection), payload, random });
  return { envelope, kmsKeyId: keyVersion.kmsKeyId, kmsKeyVersion: keyVersion.version };
}

/** Fails with VALUE_CORRUPT unless they belong to this connection. */
export function openCredentials(
  { deploymentId }: Pick<Deps, "deploymentId">,
  connection: StoredVaultConnection,
  keyVersion: KeyVersion,
): ReadonlyMap<string, Sensitive> {
  const { envelope } = connection;
  const { bytes } = open({ envelope, keyVersion, context: contextOf(deploymentId, connection), form: "key_values" });
  return new Map([...decodeKeyValues(bytes)].map(([name, value]) => [name, new Sensitive(value)]));
}

function contextOf(deploymentId: string, { workspaceId, vaultConnectionId, credentialsVersion }: Owner): ValueContext {
  return { deploymentId, workspaceId, secretId: vaultConnectionId, versionNumber: credentialsVersion };
}

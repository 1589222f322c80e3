// The MACs of rows that decide who gets a value: an SQL UPDATE cannot change what coffer allows.

import type { AccessRule } from "../domain/access-rule.ts";
import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { Binding } from "../domain/egress/sandbox.ts";
import { CofferError } from "../domain/errors.ts";
import type { KmsKey } from "../domain/kms-key.ts";
import type { Secret } from "../domain/secret.ts";
import type { SecretVersion } from "../domain/version.ts";
import type { Member } from "../domain/workspace.ts";
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import { type MacField, macRow, verifyRow } from "../envelope/mac.ts";
import type { StoredApiToken } from "../store/api-tokens.ts";
import type { StoredEgressCa } from "../store/egress-cas.ts";
import type { StoredSandbox } from "../store/sandboxes.ts";
import type { StoredVaultConnection } from "../store/vault-connections.ts";

type MacKey = Pick<DeploymentKeys, "rowMacKey">;

/** A label and the columns it covers, in order; a change of the list is a new label. */
interface Covered {
  label: string;
  fields: MacField[];
}

export function coveredOfMember({ workspaceId, principalId, role }: Member): Covered {
  return { label: "workspace_member/v1", fields: [workspaceId, principalId, role] };
}

/** What decides what a token may do: neither its etag nor when it was last used. */
export function coveredOfToken(
  token: Omit<StoredApiToken, "mac" | "createTime" | "revision" | "lastUsedTime">,
): Covered {
  return {
    label: "api_token/v1",
    fields: [
      token.tokenId,
      token.lookupId,
      token.principalId,
      token.workspaceId ?? null,
      token.scopes.join(" "),
      token.secretHash,
      token.expireTime ?? null,
      token.revokeTime ?? null,
    ],
  };
}

/** What decides what a rule allows: all but its note and time. */
export function coveredOfAccessRule(rule: Omit<AccessRule, "note" | "createTime">): Covered {
  const { workspaceId, ruleId, subject, permissions, pathPatterns, region } = rule;
  const [principalId, role] = "role" in subject ? [null, subject.role] : [subject.principalId, null];
  const lists = [permissions.length, ...permissions, pathPatterns.length, ...pathPatterns];
  return { label: "access_rule/v1", fields: [workspaceId, ruleId, principalId, role, region ?? null, ...lists] };
}

export function coveredOfKmsKey(key: KmsKey): Covered {
  const { workspaceId, kmsKeyId, region, name, algorithm, state, primaryVersion } = key;
  return { label: "kms_key/v1", fields: [workspaceId, kmsKeyId, region, name, algorithm, state, primaryVersion] };
}

/** What never changes of a secret, and its access policy where it has one: without one nothing changes for it. */
export function coveredOfSecret(
  secret: Pick<Secret, "workspaceId" | "secretId" | "region" | "kmsKeyId" | "revealable"> & {
    accessPolicyText: string | undefined;
  },
): Covered {
  const { workspaceId, secretId, region, kmsKeyId, revealable, accessPolicyText } = secret;
  const fields = [workspaceId, secretId, region, kmsKeyId, revealable];
  if (accessPolicyText === undefined) return { label: "secret/v1", fields };
  return { label: "secret/v2", fields: [...fields, accessPolicyText] };
}

/** What decides where a credential is sent when it is tried, and with which identifiers: this never changes either. */
export function coveredOfCredential(
  secret: Pick<Secret, "workspaceId" | "secretId" | "kind" | "authMethod" | "credentialFields">,
): Covered {
  const { workspaceId, secretId, kind, authMethod, credentialFields } = secret;
  const names = Object.keys(credentialFields).sort();
  const parts = names.flatMap((name) => [name, credentialFields[name] ?? null]);
  if (authMethod === "") return { label: "secret_credential/v1", fields: [workspaceId, secretId, kind, ...parts] };
  return { label: "secret_credential/v2", fields: [workspaceId, secretId, kind, authMethod, ...parts] };
}

/** With the connection that a reference is resolved by, where there is one: without one nothing changes for a version. */
export function coveredOfVersion(
  version: Pick<
    SecretVersion,
    "workspaceId" | "secretId" | "versionId" | "versionNumber" | "state" | "vaultConnectionId"
  >,
): Covered {
  const { workspaceId, secretId, versionId, versionNumber, state, vaultConnectionId } = version;
  const fields = [workspaceId, secretId, versionId, versionNumber, state];
  if (vaultConnectionId === undefined) return { label: "secret_version/v1", fields };
  return { label: "secret_version/v2", fields: [...fields, vaultConnectionId] };
}

/** What decides where the credentials of a connection are sent, and what is asked there. */
export function coveredOfVaultConnection(
  connection: Pick<
    StoredVaultConnection,
    "workspaceId" | "vaultConnectionId" | "vaultType" | "baseUrl" | "config" | "credentialsVersion" | "kmsKeyId"
  >,
): Covered {
  const { workspaceId, vaultConnectionId, vaultType, baseUrl, config, credentialsVersion, kmsKeyId } = connection;
  const fields = [
    workspaceId,
    vaultConnectionId,
    vaultType,
    baseUrl,
    canonicalJson(config),
    credentialsVersion,
    kmsKeyId,
  ];
  return { label: "vault_connection/v1", fields };
}

/** What decides where a secret's value may go, and how. */
export function coveredOfEgressRule(secret: { workspaceId: string; secretId: string; rule: EgressRule }): Covered {
  const { workspaceId, secretId, rule } = secret;
  return { label: "secret_egress/v1", fields: [workspaceId, secretId, canonicalJson(rule)] };
}

export function coveredOfSandbox(sandbox: Omit<StoredSandbox, "mac" | "createTime" | "name">): Covered {
  const { workspaceId, sandboxId, lookupId, tokenHash, sourceAddress } = sandbox;
  return { label: "sandbox/v1", fields: [workspaceId, sandboxId, lookupId, tokenHash, sourceAddress ?? null] };
}

export function coveredOfBinding({ workspaceId, sandboxId, envKey, secretId, placeholder }: Binding): Covered {
  return { label: "sandbox_binding/v1", fields: [workspaceId, sandboxId, envKey, secretId, placeholder] };
}

/** What decides whose certificates a sandbox believes; the key itself is sealed. */
export function coveredOfEgressCa(ca: Omit<StoredEgressCa, "mac" | "envelope">): Covered {
  const { workspaceId, caId, certificate, kmsKeyId, kmsKeyVersion } = ca;
  return { label: "egress_ca/v1", fields: [workspaceId, caId, certificate, kmsKeyId, kmsKeyVersion] };
}

/** One text for equal values, whatever order their members came in: Postgres keeps none. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

export function macOf({ rowMacKey }: MacKey, { label, fields }: Covered): Uint8Array {
  return macRow(rowMacKey, label, fields);
}

export function isAuthentic({ rowMacKey }: MacKey, { label, fields }: Covered, mac: Uint8Array): boolean {
  return verifyRow(rowMacKey, label, fields, mac);
}

/** DATA_LOSS unless the row is as coffer wrote it. */
export function checkAuthentic(keys: MacKey, covered: Covered, mac: Uint8Array): void {
  if (isAuthentic(keys, covered, mac)) return;
  const [table = ""] = covered.label.split("/");
  throw new CofferError("VALUE_CORRUPT", "a stored record does not authenticate", { record: table });
}

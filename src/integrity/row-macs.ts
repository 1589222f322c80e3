// The MACs of rows that decide who gets a value, each declared with the columns it covers: an SQL UPDATE cannot change what coffer allows.
import type { AccessRule } from "../domain/access/access-rule.ts";
import type { EgressRule } from "../domain/egress/egress-rule.ts";
import type { Binding } from "../domain/egress/sandbox.ts";
import { CofferError } from "../domain/error/errors.ts";
import type { KmsKey } from "../domain/key/kms-key.ts";
import type { Secret } from "../domain/secret/secret.ts";
import type { SecretVersion } from "../domain/secret/version.ts";
import type { Member, Principal, Workspace } from "../domain/workspace/workspace.ts";
import type { DeploymentKeys } from "../envelope/deployment-keys.ts";
import { macRow, verifyRow } from "../envelope/mac.ts";
import type { StoredApiToken } from "../store/api-tokens.ts";
import type { StoredEgressCa } from "../store/egress-cas.ts";
import type { StoredSandbox } from "../store/sandboxes.ts";
import type { SecretGuard } from "../store/secret-guard.ts";
import type { StoredVaultConnection } from "../store/vault-connections.ts";
import { type Covered, canonicalJson, covering } from "./covering.ts";

type MacKey = Pick<DeploymentKeys, "rowMacKey">;

/** Covers whether sandboxes may reach hosts of no bound secret. */
export const coveredOfWorkspace = covering<Pick<Workspace, "workspaceId" | "egressUnmatched">>(
  { table: "workspace", column: "mac", label: "workspace/v1" },
  { workspace_id: (row) => row.workspaceId, egress_unmatched: (row) => row.egressUnmatched },
);

export const coveredOfMember = covering<Member>(
  { table: "workspace_member", column: "mac", label: "workspace_member/v1" },
  { workspace_id: (row) => row.workspaceId, principal_id: (row) => row.principalId, role: (row) => row.role },
);

/** Covers the name by which statements of access policies mean a principal. */
export const coveredOfPrincipal = covering<Pick<Principal, "principalId" | "displayName">>(
  { table: "principal", column: "mac", label: "principal/v1" },
  { principal_id: (row) => row.principalId, display_name: (row) => row.displayName },
);

/** What decides what a token may do: neither its etag nor when it was last used. */
export const coveredOfToken = covering<Omit<StoredApiToken, "mac" | "createTime" | "revision" | "lastUsedTime">>(
  { table: "api_token", column: "mac", label: "api_token/v1" },
  {
    token_id: (row) => row.tokenId,
    lookup_id: (row) => row.lookupId,
    principal_id: (row) => row.principalId,
    workspace_id: (row) => row.workspaceId ?? null,
    scopes: (row) => row.scopes.join(" "),
    secret_hash: (row) => row.secretHash,
    expire_time: (row) => row.expireTime ?? null,
    revoke_time: (row) => row.revokeTime ?? null,
  },
);

/** What decides what a rule allows: all but its note and time. */
export const coveredOfAccessRule = covering<Omit<AccessRule, "note" | "createTime">>(
  { table: "access_rule", column: "mac", label: "access_rule/v1" },
  {
    workspace_id: (row) => row.workspaceId,
    rule_id: (row) => row.ruleId,
    principal_id: ({ subject }) => ("role" in subject ? null : subject.principalId),
    role: ({ subject }) => ("role" in subject ? subject.role : null),
    region: (row) => row.region ?? null,
    permissions: (row) => [row.permissions.length, ...row.permissions],
    path_patterns: (row) => [row.pathPatterns.length, ...row.pathPatterns],
  },
);

export const coveredOfKmsKey = covering<KmsKey>(
  // A key that may not be exported has the MAC that it had before export was possible.
  { table: "kms_key", column: "mac", label: ({ exportAllowed }) => (exportAllowed ? "kms_key/v2" : "kms_key/v1") },
  {
    workspace_id: (row) => row.workspaceId,
    kms_key_id: (row) => row.kmsKeyId,
    region: (row) => row.region,
    name: (row) => row.name,
    algorithm: (row) => row.algorithm,
    state: (row) => row.state,
    primary_version: (row) => row.primaryVersion,
    export_allowed: ({ exportAllowed }) => (exportAllowed ? [true] : []),
  },
);

/** Covers the columns that decide who gets which value of a secret. */
export const coveredOfSecret = covering<Omit<SecretGuard, "rowMac">>(
  { table: "secret", column: "row_mac", label: "secret/v3" },
  {
    workspace_id: (row) => row.workspaceId,
    secret_id: (row) => row.secretId,
    region: (row) => row.region,
    name: (row) => row.name,
    path: (row) => row.path,
    state: (row) => row.storedState,
    expire_time: (row) => row.expireTime ?? null,
    current_version: (row) => row.currentVersion,
    version_count: (row) => row.versionCount,
    version_aliases: (row) => canonicalJson(row.versionAliases),
    kms_key_id: (row) => row.kmsKeyId,
    revealable: (row) => row.revealable,
    access_policy: (row) => row.accessPolicyText ?? null,
  },
);

/** Covers the columns that decide where a credential is sent when it is tried, and with which identifiers. */
export const coveredOfCredential = covering<
  Pick<Secret, "workspaceId" | "secretId" | "kind" | "authMethod" | "credentialFields">
>(
  {
    table: "secret",
    column: "credential_mac",
    label: ({ authMethod }) => (authMethod === "" ? "secret_credential/v1" : "secret_credential/v2"),
  },
  {
    workspace_id: (row) => row.workspaceId,
    secret_id: (row) => row.secretId,
    kind: (row) => row.kind,
    auth_method: ({ authMethod }) => (authMethod === "" ? [] : [authMethod]),
    credential_fields: ({ credentialFields }) =>
      Object.keys(credentialFields)
        .sort()
        .flatMap((name) => [name, credentialFields[name] ?? null]),
  },
);

/** Covers the columns that decide to which hosts a secret's value may go, and how. */
export const coveredOfEgressRule = covering<{ workspaceId: string; secretId: string; rule: EgressRule }>(
  { table: "secret", column: "egress_mac", label: "secret_egress/v1" },
  {
    workspace_id: (row) => row.workspaceId,
    secret_id: (row) => row.secretId,
    egress_rule: (row) => canonicalJson(row.rule),
  },
);

/** With the connection that a reference is resolved by, where there is one: without one nothing changes for a version. */
export const coveredOfVersion = covering<
  Pick<SecretVersion, "workspaceId" | "secretId" | "versionId" | "versionNumber" | "state" | "vaultConnectionId">
>(
  {
    table: "secret_version",
    column: "mac",
    label: ({ vaultConnectionId }) => (vaultConnectionId === undefined ? "secret_version/v1" : "secret_version/v2"),
  },
  {
    workspace_id: (row) => row.workspaceId,
    secret_id: (row) => row.secretId,
    version_id: (row) => row.versionId,
    version_number: (row) => row.versionNumber,
    state: (row) => row.state,
    vault_connection_id: ({ vaultConnectionId }) => (vaultConnectionId === undefined ? [] : [vaultConnectionId]),
  },
);

/** What decides where the credentials of a connection are sent, and what is asked there. */
export const coveredOfVaultConnection = covering<
  Pick<
    StoredVaultConnection,
    "workspaceId" | "vaultConnectionId" | "vaultType" | "baseUrl" | "config" | "credentialsVersion" | "kmsKeyId"
  >
>(
  { table: "vault_connection", column: "mac", label: "vault_connection/v1" },
  {
    workspace_id: (row) => row.workspaceId,
    vault_connection_id: (row) => row.vaultConnectionId,
    vault_type: (row) => row.vaultType,
    base_url: (row) => row.baseUrl,
    config: (row) => canonicalJson(row.config),
    credentials_version: (row) => row.credentialsVersion,
    kms_key_id: (row) => row.kmsKeyId,
  },
);

/** With the hosts that it may go to, where they are limited: without limits nothing changes for a sandbox. */
export const coveredOfSandbox = covering<
  Pick<StoredSandbox, "workspaceId" | "sandboxId" | "lookupId" | "tokenHash" | "sourceAddress" | "network">
>(
  {
    table: "sandbox",
    column: "mac",
    label: ({ network }) => (network === undefined ? "sandbox/v1" : "sandbox/v2"),
  },
  {
    workspace_id: (row) => row.workspaceId,
    sandbox_id: (row) => row.sandboxId,
    lookup_id: (row) => row.lookupId,
    token_hash: (row) => row.tokenHash,
    source_address: (row) => row.sourceAddress ?? null,
    network: ({ network }) => (network === undefined ? [] : [canonicalJson(network)]),
  },
);

export const coveredOfBinding = covering<Binding>(
  {
    table: "sandbox_binding",
    column: "mac",
    label: ({ boundBy }) => (boundBy === undefined ? "sandbox_binding/v1" : "sandbox_binding/v2"),
  },
  {
    workspace_id: (row) => row.workspaceId,
    sandbox_id: (row) => row.sandboxId,
    env_key: (row) => row.envKey,
    secret_id: (row) => row.secretId,
    placeholder: (row) => row.placeholder,
    bound_by: ({ boundBy }) => (boundBy === undefined ? [] : [boundBy]),
  },
);

/** What decides whose certificates a sandbox believes; the key itself is sealed. */
export const coveredOfEgressCa = covering<Omit<StoredEgressCa, "mac" | "envelope">>(
  { table: "egress_ca", column: "mac", label: "egress_ca/v1" },
  {
    workspace_id: (row) => row.workspaceId,
    ca_id: (row) => row.caId,
    certificate: (row) => row.certificate,
    kms_key_id: (row) => row.kmsKeyId,
    kms_key_version: (row) => row.kmsKeyVersion,
  },
);

/** Covers the time before which retention dropped events, so that no other deletion looks like retention. */
export const coveredOfAuditCut = covering<{ beforeTime: Date }>(
  { table: "audit_cut", column: "mac", label: "audit_cut/v1" },
  { before_time: (row) => row.beforeTime },
);

export function macOf({ rowMacKey }: MacKey, { label, fields }: Covered): Uint8Array {
  return macRow(rowMacKey, label, fields);
}

export function isAuthentic({ rowMacKey }: MacKey, { label, fields }: Covered, mac: Uint8Array): boolean {
  try {
    return verifyRow(rowMacKey, label, fields, mac);
  } catch (error) {
    // A date or number that coffer never writes, such as `infinity`, has no bytes to hash.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** DATA_LOSS unless the row is as coffer wrote it. */
export function checkAuthentic(keys: MacKey, covered: Covered, mac: Uint8Array): void {
  if (isAuthentic(keys, covered, mac)) return;
  const [table = ""] = covered.label.split("/");
  throw new CofferError("VALUE_CORRUPT", "a stored record does not authenticate", { record: table });
}

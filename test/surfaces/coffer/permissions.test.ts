// The permissions of each role and scope, over every RPC, on the real servers.
import type { DescMethod } from "@bufbuild/protobuf";
import { beforeAll, describe, expect, it } from "vitest";
import { AccessService } from "../../../gen/coffer/v1/access_service_pb.ts";
import { AuditService } from "../../../gen/coffer/v1/audit_service_pb.ts";
import { EgressService } from "../../../gen/coffer/v1/egress_service_pb.ts";
import { ExternalVaultService } from "../../../gen/coffer/v1/external_vault_service_pb.ts";
import { KeyService } from "../../../gen/coffer/v1/key_service_pb.ts";
import { SecretService } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { Role, TokenService } from "../../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceService } from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError } from "../../support/errors.ts";
import { createSecret, unknownSecretId } from "../../support/secrets.ts";

const coffer = useCoffer();

const id = unknownSecretId;
/** Requests that pass the schema and change nothing, with the permission they need and the least role that has it. */
const calls: Record<string, { json: object; permission?: string; role: keyof typeof Role }> = {
  CreateSecret: { json: { name: "a//b", data: "dg==" }, permission: "secrets.create", role: "OPERATOR" },
  GetSecret: { json: { id }, permission: "secrets.read", role: "VIEWER" },
  ListSecrets: { json: {}, permission: "secrets.list", role: "VIEWER" },
  UpdateSecret: { json: { secret: { id } }, permission: "secrets.update", role: "OPERATOR" },
  DeleteSecret: { json: { id }, permission: "secrets.delete", role: "OPERATOR" },
  UndeleteSecret: { json: { id }, permission: "secrets.undelete", role: "OPERATOR" },
  GetSecretValue: { json: { id }, permission: "versions.access", role: "OPERATOR" },
  BatchGetSecretValues: { json: { requests: [{ id }] }, permission: "versions.access", role: "OPERATOR" },
  AddSecretVersion: { json: { id, data: "dg==" }, permission: "versions.add", role: "OPERATOR" },
  GetSecretVersion: { json: { id }, permission: "versions.read", role: "VIEWER" },
  ListSecretVersions: { json: { id }, permission: "versions.read", role: "VIEWER" },
  EnableSecretVersion: { json: { id, version: "1" }, permission: "versions.enable", role: "OPERATOR" },
  DisableSecretVersion: { json: { id, version: "1" }, permission: "versions.disable", role: "OPERATOR" },
  DestroySecretVersion: { json: { id, version: "1" }, permission: "versions.destroy", role: "ADMIN" },
  ValidateCredential: { json: { id }, permission: "secrets.use", role: "OPERATOR" },
  SetAccessPolicy: { json: { id }, permission: "secrets.update", role: "OPERATOR" },
  ListCredentialKinds: { json: {}, role: "VIEWER" },
  CreateKey: { json: { name: "k", algorithm: "none" }, permission: "keys.create", role: "ADMIN" },
  GetKey: { json: { id: "kms_unknown" }, permission: "keys.read", role: "VIEWER" },
  ListKeys: { json: {}, permission: "keys.list", role: "VIEWER" },
  UpdateKey: { json: { key: { id: "kms_unknown" } }, permission: "keys.update", role: "ADMIN" },
  RotateKey: { json: { id: "kms_unknown" }, permission: "keys.rotate", role: "ADMIN" },
  DisableKey: { json: { id: "kms_unknown" }, permission: "keys.disable", role: "ADMIN" },
  EnableKey: { json: { id: "kms_unknown" }, permission: "keys.enable", role: "ADMIN" },
  ScheduleKeyDestruction: { json: { id: "kms_unknown" }, permission: "keys.destroy", role: "ADMIN" },
  CancelKeyDestruction: { json: { id: "kms_unknown" }, permission: "keys.destroy", role: "ADMIN" },
  Encrypt: { json: { id: "kms_unknown", plaintext: "dg==" }, permission: "keys.encrypt", role: "OPERATOR" },
  Decrypt: { json: { id: "kms_unknown", ciphertext: "dg==" }, permission: "keys.decrypt", role: "OPERATOR" },
  BatchEncrypt: {
    json: { id: "kms_unknown", requests: [{ plaintext: "dg==" }] },
    permission: "keys.encrypt",
    role: "OPERATOR",
  },
  BatchDecrypt: {
    json: { id: "kms_unknown", requests: [{ ciphertext: "dg==" }] },
    permission: "keys.decrypt",
    role: "OPERATOR",
  },
  Sign: { json: { id: "kms_unknown", input: "dg==" }, permission: "keys.sign", role: "OPERATOR" },
  Verify: {
    json: { id: "kms_unknown", input: "dg==", signature: "dg==" },
    permission: "keys.verify",
    role: "OPERATOR",
  },
  ComputeMac: { json: { id: "kms_unknown", input: "dg==" }, permission: "keys.sign", role: "OPERATOR" },
  VerifyMac: { json: { id: "kms_unknown", input: "dg==", mac: "dg==" }, permission: "keys.verify", role: "OPERATOR" },
  GetPublicKey: { json: { id: "kms_unknown" }, permission: "keys.read", role: "VIEWER" },
  ExportKey: { json: { id: "kms_unknown" }, permission: "keys.export", role: "OWNER" },
  GetWrappingKey: { json: { region: "mars" }, permission: "keys.create", role: "ADMIN" },
  CreateVaultConnection: {
    json: { name: "v", vaultType: "VAULT_TYPE_DOPPLER", credentials: {} },
    permission: "vaults.create",
    role: "ADMIN",
  },
  GetVaultConnection: { json: { id: "vc_unknown" }, permission: "vaults.read", role: "VIEWER" },
  ListVaultConnections: { json: {}, permission: "vaults.list", role: "VIEWER" },
  UpdateVaultConnection: {
    json: { vaultConnection: { id: "vc_unknown" } },
    permission: "vaults.update",
    role: "ADMIN",
  },
  RotateVaultConnection: {
    json: { id: "vc_unknown", credentials: {} },
    permission: "vaults.rotate",
    role: "ADMIN",
  },
  VerifyVaultConnection: { json: { id: "vc_unknown" }, permission: "vaults.verify", role: "ADMIN" },
  DeleteVaultConnection: { json: { id: "vc_unknown" }, permission: "vaults.delete", role: "ADMIN" },
  ListProviders: { json: {}, role: "MEMBER" },
  CreateSandbox: { json: { name: "s", sourceAddress: "::1%eth0" }, permission: "egress.create", role: "OPERATOR" },
  GetSandbox: { json: { id: "sbx_unknown" }, permission: "egress.read", role: "VIEWER" },
  ListSandboxes: { json: {}, permission: "egress.read", role: "VIEWER" },
  UpdateSandbox: { json: { sandbox: { id: "sbx_unknown" } }, permission: "egress.update", role: "OPERATOR" },
  RotateSandboxToken: { json: { id: "sbx_unknown" }, permission: "egress.create", role: "OPERATOR" },
  DeleteSandbox: { json: { id: "sbx_unknown" }, permission: "egress.delete", role: "OPERATOR" },
  BindSecret: { json: { sandboxId: "sbx_unknown", envKey: "K", id }, permission: "egress.bind", role: "OPERATOR" },
  UnbindSecret: { json: { sandboxId: "sbx_unknown", envKey: "K" }, permission: "egress.unbind", role: "OPERATOR" },
  ListEgressEvents: { json: {}, permission: "egress.events", role: "OPERATOR" },
  CreateToken: { json: { displayName: "t", scopes: ["no.such"] }, permission: "tokens.create", role: "ADMIN" },
  ListTokens: { json: {}, permission: "tokens.list", role: "ADMIN" },
  RotateToken: { json: { id: "tok_unknown" }, permission: "tokens.rotate", role: "ADMIN" },
  RevokeToken: { json: { id: "tok_unknown" }, permission: "tokens.revoke", role: "ADMIN" },
  CreateAccessRule: {
    json: { role: "ROLE_MEMBER", permissions: ["no.such"] },
    permission: "access.create",
    role: "ADMIN",
  },
  ListAccessRules: { json: {}, permission: "access.list", role: "ADMIN" },
  DeleteAccessRule: { json: { id: "acr_unknown" }, permission: "access.delete", role: "ADMIN" },
  TestPermissions: { json: { permissions: ["secrets.read"] }, role: "MEMBER" },
  WhoAmI: { json: {}, role: "MEMBER" },
  CreateWorkspace: { json: { displayName: "new" }, permission: "workspace.create", role: "OWNER" },
  GetWorkspace: { json: {}, permission: "workspace.read", role: "VIEWER" },
  ListWorkspaces: { json: {}, role: "MEMBER" },
  ListAuditEvents: { json: {}, permission: "audit.read", role: "ADMIN" },
  FollowAuditEvents: { json: {}, permission: "audit.read", role: "ADMIN" },
  UpdateWorkspace: { json: { workspace: { etag: "stale" } }, permission: "workspace.update", role: "ADMIN" },
};
const methods: DescMethod[] = [
  AccessService,
  AuditService,
  ExternalVaultService,
  EgressService,
  KeyService,
  SecretService,
  TokenService,
  WorkspaceService,
].flatMap((service) => service.methods);
const roles = ["MEMBER", "VIEWER", "OPERATOR", "ADMIN", "OWNER"] as const;
const tokens = new Map<string, string>();
beforeAll(async () => {
  for (const role of roles) tokens.set(role, await coffer.tokenWithRole(Role[role]));
});

/** The permission that is said to be missing; undefined when the call was let through to the operation. */
async function missing(method: DescMethod, token: string, json: object): Promise<string | undefined> {
  const response = await coffer.fetch(`/${method.parent.typeName}/${method.name}`, { token, json });
  const { details = [] } = (await response.json()) as {
    details?: { debug: { reason: string; metadata?: Record<string, string> } }[];
  };
  const [info] = details;
  if (info?.debug.reason !== "PERMISSION_MISSING") return undefined;
  expect(response.status).toBe(403);
  return info.debug.metadata?.["permission"];
}

it("covers every RPC", () => {
  expect(methods.map(({ name }) => name).sort()).toEqual(Object.keys(calls).sort());
});

describe.each(methods.map((method) => [method.name, method] as const))("%s", (name, method) => {
  const { json, permission, role: leastRole } = calls[name] as (typeof calls)[string];

  it.each(roles)("is decided for role %s, and a denial names the permission", async (role) => {
    const mayCall = roles.indexOf(role) >= roles.indexOf(leastRole as (typeof roles)[number]);
    expect(await missing(method, tokens.get(role) as string, json)).toBe(mayCall ? undefined : permission);
  });

  if (permission === undefined) return;
  it("is narrowed by the scopes of a token: its permission, its group, everything, another", async () => {
    const group = `${permission.split(".")[0]}.*`;
    const other = permission === "secrets.list" ? "secrets.read" : "secrets.list";
    for (const scope of [permission, group, "*"]) {
      expect(await missing(method, await coffer.tokenWithRole(Role.OWNER, [scope]), json)).toBeUndefined();
    }
    expect(await missing(method, await coffer.tokenWithRole(Role.OWNER, [other]), json)).toBe(permission);
  });
});

describe("scopes", () => {
  it("never widen a role", async () => {
    const token = await coffer.tokenWithRole(Role.VIEWER, ["*"]);
    await expectError(createSecret(coffer, {}, token), denied("secrets.create"));
    expect((await coffer.clients(token).tokens.whoAmI({})).permissions).toEqual([
      "egress.read",
      "keys.list",
      "keys.read",
      "secrets.list",
      "secrets.read",
      "vaults.list",
      "vaults.read",
      "versions.read",
      "workspace.read",
    ]);
  });

  it("add up", async () => {
    const token = await coffer.tokenWithRole(Role.OPERATOR, ["secrets.read", "versions.access"]);
    expect((await coffer.clients(token).tokens.whoAmI({})).permissions).toEqual(["secrets.read", "versions.access"]);
  });
});

describe("denials", () => {
  it("are audited, with the permission that was missing", async () => {
    const token = await coffer.tokenWithRole(Role.VIEWER);
    const { principalId } = await coffer.clients(token).tokens.whoAmI({});
    await expectError(createSecret(coffer, {}, token), denied("secrets.create"));
    const read = () =>
      coffer.sql("select decision, rule, result, occurrences from audit_event where principal_id = $1", [principalId]);
    await expect
      .poll(read)
      .toEqual([{ decision: "DENY", rule: "secrets.create", result: "PERMISSION_MISSING", occurrences: 1 }]);
  });
});

// Rows of every guarded table, with fixed values: the plain form, and one for each label that optional columns lead to.
import type { Role } from "../../src/domain/access/permission.ts";

const createTime = new Date("2026-01-02T03:04:05.678Z");
const workspaceId = "ws_1";
const secretId = "sec_1";
const bytes = (...values: number[]) => new Uint8Array(values);

const token = {
  tokenId: "tok_1",
  lookupId: "abcdefghij",
  principalId: "prn_1",
  workspaceId: undefined,
  displayName: "shown",
  prefix: "sk_",
  scopes: [],
  secretHash: bytes(1, 2, 3),
  expireTime: undefined,
  revokeTime: undefined,
};

const rule = {
  workspaceId,
  ruleId: "rule_1",
  subject: { principalId: "prn_1" },
  permissions: ["secrets.get", "versions.*"],
  pathPatterns: ["/app/*", "/b/**"],
  region: undefined,
};

const kmsKey = {
  workspaceId,
  kmsKeyId: "kms_1",
  region: "default",
  name: "my key",
  algorithm: "aes256-gcm96",
  state: "ACTIVE",
  primaryVersion: 3,
  exportAllowed: false,
};

const secret = {
  workspaceId,
  secretId,
  region: "default",
  name: "app/db",
  path: "/app/db",
  storedState: "ACTIVE",
  expireTime: undefined,
  currentVersion: 2,
  versionCount: 4,
  versionAliases: {},
  kmsKeyId: "kms_1",
  revealable: true,
  accessPolicyText: undefined,
};

const credential = { workspaceId, secretId, kind: "postgres", authMethod: "", credentialFields: {} };
const egress = {
  hosts: ["api.example.com"],
  header: { name: "authorization", prefix: "Bearer " },
  methods: ["GET"],
  nested: { b: 1, a: [true, null, "x"] },
};
const version = {
  workspaceId,
  secretId,
  versionId: "secv_1",
  versionNumber: 2,
  state: "ENABLED",
  vaultConnectionId: undefined,
};
const connection = {
  workspaceId,
  vaultConnectionId: "vc_1",
  vaultType: "DOPPLER",
  baseUrl: "",
  config: { project: "p", config: "c" },
  credentialsVersion: 1,
  kmsKeyId: "kms_1",
};
const sandbox = {
  workspaceId,
  sandboxId: "sbx_1",
  lookupId: "klmnopqrst",
  tokenHash: bytes(9, 8),
  sourceAddress: undefined,
  network: undefined,
};
const binding = {
  workspaceId,
  sandboxId: "sbx_1",
  envKey: "API_KEY",
  secretId,
  placeholder: "coffer_placeholder_1",
  boundBy: undefined,
};

/** By the name of the guard and then of the variant. */
export const knownRows = {
  coveredOfWorkspace: { plain: { workspaceId, egressUnmatched: "DENY" } },
  coveredOfMember: { plain: { workspaceId, principalId: "prn_1", role: "ADMIN" satisfies Role } },
  coveredOfPrincipal: { plain: { principalId: "prn_1", displayName: "Ada Lovelace ü" } },
  coveredOfToken: {
    plain: token,
    full: { ...token, workspaceId, scopes: ["secrets.list", "*"], expireTime: createTime, revokeTime: new Date(0) },
  },
  coveredOfAccessRule: {
    principal: rule,
    role: { ...rule, subject: { role: "OPERATOR" satisfies Role }, pathPatterns: [], region: "nl-01" },
  },
  coveredOfKmsKey: { plain: kmsKey, exportable: { ...kmsKey, exportAllowed: true } },
  coveredOfSecret: {
    plain: secret,
    full: {
      ...secret,
      storedState: "SOFT_DELETED",
      expireTime: createTime,
      versionAliases: { stable: 1, old: 2 },
      revealable: false,
      accessPolicyText: '{"conditions":[]}',
    },
  },
  coveredOfCredential: {
    plain: credential,
    fields: { ...credential, credentialFields: { user: "u", host: "h" } },
    method: { ...credential, authMethod: "password", credentialFields: { user: "u", host: "h" } },
  },
  coveredOfEgressRule: { plain: { workspaceId, secretId, rule: egress } },
  coveredOfVersion: { plain: version, reference: { ...version, state: "DESTROYED", vaultConnectionId: "vc_1" } },
  coveredOfVaultConnection: { plain: connection },
  coveredOfSandbox: {
    plain: sandbox,
    limited: { ...sandbox, sourceAddress: "192.0.2.7", network: { allow: ["b.example", "a.example"], mode: "x" } },
  },
  coveredOfBinding: { plain: binding, bound: { ...binding, boundBy: "prn_2" } },
  coveredOfEgressCa: {
    plain: { workspaceId, caId: "ca_1", certificate: "-----BEGIN-----", kmsKeyId: "kms_1", kmsKeyVersion: 5 },
  },
  coveredOfAuditCut: { plain: { beforeTime: createTime } },
  auditEvent: {
    workspaceId,
    eventId: "evt_1",
    eventTimeUs: 1_767_323_045_678_901,
    requestId: "req_1",
    principalId: "prn_1",
    tokenId: "tok_1",
    method: "coffer.v1.SecretService/GetSecret",
    resourceType: "secret",
    resourceId: secretId,
    decision: "ALLOW",
    rule: "role:ADMIN",
    address: "192.0.2.1",
    userAgent: "curl",
    result: "OK",
    occurrences: 1,
    xact: 1234,
  },
  auditSeal: {
    workspaceId,
    sealNumber: 7,
    sealDay: "2026-01-02",
    eventMonth: "2026-01",
    fromXact: 10,
    toXact: 20,
    firstTimeUs: 1_767_323_045_678_901,
    lastTimeUs: 1_767_323_045_678_999,
    eventCount: 12,
    lowTimeUs: 1_767_323_045_000_000,
    chain: bytes(5, 6, 7),
  },
} as const;

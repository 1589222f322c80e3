// ExternalVaultService, on the real servers and with vaults on loopback.
import type { CallOptions } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type VaultConnection, VaultType } from "../../../gen/coffer/v1/external_vault_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceTier } from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid, staleEtag, unauthenticated } from "../../support/errors.ts";
import { twice } from "../../support/replay.ts";
import { newName, present, timeOf } from "../../support/secrets.ts";
import {
  type ConnectionInit,
  connectionTo,
  createConnection,
  dopplerConnection,
  localVaults,
  unknownConnectionId,
} from "../../support/vault-connections.ts";
import { startVaultService, type VaultService, vendors } from "../../support/vault-services.ts";

const coffer = useCoffer({ env: localVaults });
const credential = "dp.st.prd.first";
const services = new Map<string, VaultService>();
beforeAll(async () => {
  for (const vendor of vendors) services.set(vendor, await startVaultService(vendor, credential));
});
afterAll(() => Promise.all([...services.values()].map((service) => service.close())));

const serviceOf = (vendor: string) => present(services.get(vendor));
const credentialsOf = ({ vaultType }: VaultConnection, text: string) =>
  vaultType === VaultType.INFISICAL ? { clientId: "client-1", clientSecret: text } : { accessToken: text };
const get = async ({ id }: { id: string }) =>
  present((await coffer.clients().vaults.getVaultConnection({ id })).vaultConnection);
const notFound = (id: string) => ({
  code: "NotFound",
  reason: "VAULT_CONNECTION_NOT_FOUND",
  metadata: { vault_connection_id: id },
  message: "there is no such vault connection",
});

describe("succeeds", () => {
  it.each(vendors)("connects to %s, verifies, rotates to another credential and deletes", async (vendor) => {
    const service = serviceOf(vendor);
    const { vaults } = coffer.clients();
    const made = await createConnection(coffer, { ...connectionTo(service), description: "for a test" });
    expect(made).toMatchObject({ description: "for a test", baseUrl: service.url, etag: "1" });
    expect(made.id).toMatch(/^vc_[0-9a-z]{26}$/);
    expect(made.createdBy).toMatch(/^prn_/);
    expect(made.lastVerifiedTime).toBeUndefined();
    expect(service.calls).toEqual([]);
    const { id } = made;
    const verified = present((await vaults.verifyVaultConnection({ id })).vaultConnection);
    expect(timeOf(verified.lastVerifiedTime)).toBeGreaterThanOrEqual(timeOf(made.createTime));
    expect({ ...verified, lastVerifiedTime: undefined }).toEqual({ ...made, lastVerifiedTime: undefined });
    service.credential = "dp.st.prd.second";
    service.accessTokens.clear();
    const refused = { code: "FailedPrecondition", reason: "VAULT_CHECK_FAILED" };
    const metadata = { vault_connection_id: id, cause: "unauthorized" };
    await expectError(vaults.verifyVaultConnection({ id }), { ...refused, metadata });
    const rotate = (text: string) =>
      vaults.rotateVaultConnection({ id, credentials: credentialsOf(made, text), etag: made.etag });
    await expectError(rotate("dp.st.prd.wrong"), { ...refused, metadata });
    expect(await get(made)).toEqual(verified);
    const rotated = present((await rotate("dp.st.prd.second")).vaultConnection);
    expect(rotated).toMatchObject({ id, name: made.name, etag: "2" });
    expect(timeOf(rotated.lastVerifiedTime)).toBeGreaterThan(timeOf(verified.lastVerifiedTime));
    await vaults.verifyVaultConnection({ id });
    await vaults.deleteVaultConnection({ id, etag: rotated.etag });
    await expectError(vaults.getVaultConnection({ id }), notFound(id));
  });

  it("lists pages by id, of this workspace only", async () => {
    const { ownerToken } = await otherWorkspace(coffer);
    await createConnection(coffer, dopplerConnection());
    const made = [];
    for (let i = 0; i < 3; i++) made.push(await createConnection(coffer, dopplerConnection(), ownerToken));
    const { vaults } = coffer.clients(ownerToken);
    const first = await vaults.listVaultConnections({ pageSize: 2 });
    const rest = await vaults.listVaultConnections({ pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.vaultConnections, ...rest.vaultConnections]).toEqual(made);
    expect(rest.nextPageToken).toBe("");
  });

  it("changes what the mask names, or every field that is set", async () => {
    const { vaults } = coffer.clients();
    const { id, name } = await createConnection(coffer, dopplerConnection({ description: "old" }));
    const update = async (vaultConnection: object, paths: string[] = []) =>
      present(
        (await vaults.updateVaultConnection({ vaultConnection: { id, ...vaultConnection }, updateMask: { paths } }))
          .vaultConnection,
      );
    const renamed = newName("renamed");
    expect(await update({ name: renamed, etag: "1" })).toMatchObject({ name: renamed, description: "old", etag: "2" });
    expect(await update({ name: "not this" }, ["description"])).toMatchObject({ name: renamed, description: "" });
    expect((await update({})).etag).toBe("3");
    expect(await createConnection(coffer, dopplerConnection({ name }))).toMatchObject({ name });
  });

  it("fills in what Infisical has a default for, and takes a service account of 1Password", async () => {
    const config = { projectId: "p".repeat(255), environment: "e".repeat(100) };
    const credentials = { clientId: "c".repeat(255), clientSecret: "s".repeat(1_000) };
    const infisical = dopplerConnection({ vaultType: VaultType.INFISICAL, config, credentials });
    expect((await createConnection(coffer, infisical)).config).toMatchObject({ ...config, secretPath: "/" });
    const accessToken = `ops_${"t".repeat(4_092)}`;
    const one = { ...{ name: "n".repeat(255), description: "d".repeat(2_000) }, vaultType: VaultType.ONEPASSWORD };
    expect(await createConnection(coffer, { ...one, credentials: { accessToken } })).toMatchObject(one);
  });
});

describe("rejects", () => {
  const doppler = (init: ConnectionInit) => dopplerConnection(init);
  const infisical = (config: object, credentials: object = { clientId: "c", clientSecret: "s" }) =>
    dopplerConnection({ vaultType: VaultType.INFISICAL, config, credentials });
  const onePassword = (credentials: object, init: object = {}) => ({
    ...{ name: newName(), vaultType: VaultType.ONEPASSWORD, credentials },
    ...init,
  });
  const place = { projectId: "p", environment: "e" };
  it.each<[string, ConnectionInit, string[]]>([
    ["no name", doppler({ name: "" }), ["name"]],
    ["a long name", doppler({ name: "n".repeat(256) }), ["name"]],
    ["a long description", doppler({ description: "d".repeat(2_001) }), ["description"]],
    ["no type", doppler({ vaultType: VaultType.UNSPECIFIED }), ["vault_type"]],
    ["an unknown type", doppler({ vaultType: 9 as VaultType }), ["vault_type"]],
    ["no credentials", { name: "n", vaultType: VaultType.DOPPLER }, ["credentials"]],
    ["another URL", doppler({ baseUrl: "ftp://vault.example" }), ["base_url"]],
    ["a user in the URL", doppler({ baseUrl: "https://a:b@vault.example" }), ["base_url"]],
    ["a query in the URL", doppler({ baseUrl: "https://vault.example/?a" }), ["base_url"]],
    ["a long URL", doppler({ baseUrl: `https://vault.example/${"p".repeat(1_000)}` }), ["base_url"]],
    ["no config", doppler({ config: {} }), ["config.project", "config.config"]],
    [
      "long config",
      doppler({ config: { project: "p".repeat(256), config: "c".repeat(256) } }),
      ["config.project", "config.config"],
    ],
    [
      "config of another type",
      doppler({ config: { project: "p", config: "c", secretPath: "/" } }),
      ["config.secret_path"],
    ],
    ["another token", doppler({ credentials: { accessToken: "ops_t" } }), ["credentials.access_token"]],
    ["a token with a space", doppler({ credentials: { accessToken: "dp.st.a b" } }), ["credentials.access_token"]],
    [
      "a long token",
      doppler({ credentials: { accessToken: `dp.st.${"t".repeat(4_091)}` } }),
      ["credentials.access_token"],
    ],
    [
      "credentials of another type",
      doppler({ credentials: { accessToken: "dp.st.t", clientId: "c" } }),
      ["credentials.client_id"],
    ],
    [
      "no Infisical fields",
      infisical({}, {}),
      ["config.project_id", "config.environment", "credentials.client_id", "credentials.client_secret"],
    ],
    [
      "long Infisical fields",
      infisical(
        { projectId: "p".repeat(256), environment: "e".repeat(101), secretPath: `/${"p".repeat(500)}` },
        { clientId: "c".repeat(256), clientSecret: "s".repeat(1_001) },
      ),
      [
        ...["config.project_id", "config.environment", "config.secret_path"],
        ...["credentials.client_id", "credentials.client_secret"],
      ],
    ],
    ["a path without a slash", infisical({ ...place, secretPath: "a" }), ["config.secret_path"]],
    ["a control character", infisical({ ...place, environment: "a\nb" }), ["config.environment"]],
    ["another token of 1Password", onePassword({ accessToken: "dp.st.t" }), ["credentials.access_token"]],
    ["config of 1Password", onePassword({ accessToken: "ops_t" }, { config: { project: "p" } }), ["config.project"]],
  ])("%s, with every field at once", async (_, init, fields) => {
    await expectError(coffer.clients().vaults.createVaultConnection(init), invalid(...fields));
  });

  it("a URL without TLS where no setting allows it, and calls none inside then", async () => {
    const { vaults } = coffer.clients();
    const abroad = await createConnection(coffer, dopplerConnection({ baseUrl: "http://192.0.43.7/" }));
    const refused = { code: "FailedPrecondition", reason: "VAULT_CHECK_FAILED" };
    for (const { id } of [
      abroad,
      await createConnection(coffer, dopplerConnection({ baseUrl: "https://169.254.169.254" })),
    ]) {
      const metadata = { vault_connection_id: id, cause: "address_refused" };
      await expectError(vaults.verifyVaultConnection({ id }), { ...refused, metadata });
    }
  });

  it("unknown paths of a mask, an empty name, a name that is too long, and wrong credentials", async () => {
    const { vaults } = coffer.clients();
    const { id } = await createConnection(coffer, dopplerConnection());
    const update = (vaultConnection: object, paths: string[]) =>
      vaults.updateVaultConnection({ vaultConnection: { id, ...vaultConnection }, updateMask: { paths } });
    await expectError(update({}, ["base_url"]), invalid("update_mask"));
    await expectError(update({}, ["name"]), invalid("vault_connection.name"));
    await expectError(update({ name: "n".repeat(256) }, []), invalid("vault_connection.name"));
    await expectError(update({ description: "n".repeat(2_001) }, []), invalid("vault_connection.description"));
    await expectError(vaults.updateVaultConnection({ vaultConnection: {} }), invalid("vault_connection"));
    await expectError(vaults.rotateVaultConnection({ id }), invalid("credentials"));
    const credentials = { clientId: "c" };
    const fields = ["credentials.access_token", "credentials.client_id"];
    await expectError(vaults.rotateVaultConnection({ id, credentials }), invalid(...fields));
    await expectError(vaults.listVaultConnections({ pageToken: "x" }), invalid("page_token"));
    await expectError(vaults.listVaultConnections({ pageSize: 1_001 }), invalid("page_size"));
    await expectError(vaults.verifyVaultConnection({ id: "" }), invalid("id"));
  });
});

describe("meets a vault that is", () => {
  it.each([
    ["500", "Unavailable", "VAULT_UNAVAILABLE", "faulty"],
    ["429", "ResourceExhausted", "RATE_LIMITED", "rate_limited"],
    ["redirect", "FailedPrecondition", "VAULT_CHECK_FAILED", "redirected"],
    ["huge", "FailedPrecondition", "VAULT_CHECK_FAILED", "answer_too_large"],
    ["hang", "Unavailable", "VAULT_UNAVAILABLE", "timed_out"],
  ] as const)("%s, and keeps the old credentials", async (mood, code, reason, cause) => {
    const service = await startVaultService("doppler", credential);
    const { vaults } = coffer.clients();
    const { id } = await createConnection(coffer, connectionTo(service));
    service.mood = mood;
    const hasRetryInfo = code !== "FailedPrecondition";
    const seen = await expectError(vaults.verifyVaultConnection({ id }), { code, reason, hasRetryInfo });
    expect(seen.metadata).toMatchObject({ vault_connection_id: id, cause });
    expect(JSON.stringify([seen.message, seen.metadata])).not.toContain(credential);
    await expectError(vaults.rotateVaultConnection({ id, credentials: { accessToken: "dp.st.new" } }), {
      code,
      reason,
    });
    const { etag, lastVerifiedTime } = await get({ id });
    expect([etag, lastVerifiedTime]).toEqual(["1", undefined]);
    await service.close();
  });
});

describe("denies", () => {
  const rpcs = (id: string): [string, (token: string) => Promise<unknown>][] => [
    ["vaults.create", (token) => coffer.clients(token).vaults.createVaultConnection(dopplerConnection())],
    ["vaults.read", (token) => coffer.clients(token).vaults.getVaultConnection({ id })],
    ["vaults.list", (token) => coffer.clients(token).vaults.listVaultConnections({})],
    ["vaults.update", (token) => coffer.clients(token).vaults.updateVaultConnection({ vaultConnection: { id } })],
    [
      "vaults.rotate",
      (token) => coffer.clients(token).vaults.rotateVaultConnection({ id, credentials: { accessToken: "dp.st.t" } }),
    ],
    ["vaults.verify", (token) => coffer.clients(token).vaults.verifyVaultConnection({ id })],
    ["vaults.delete", (token) => coffer.clients(token).vaults.deleteVaultConnection({ id })],
  ];

  it("who has no token, and who has no permission, whatever there is", async () => {
    const { id } = await createConnection(coffer, dopplerConnection());
    const token = await coffer.tokenWithRole(Role.OWNER, ["secrets.*"]);
    for (const [permission, call] of rpcs(id)) {
      await expectError(call("nothing"), unauthenticated);
      await expectError(call(token), denied(permission));
    }
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    expect((await coffer.clients(viewer).vaults.getVaultConnection({ id })).vaultConnection?.id).toBe(id);
  });

  it("another workspace as if there were nothing", async () => {
    const { id } = await createConnection(coffer, dopplerConnection());
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = rpcs(id).filter(([permission]) => !["vaults.create", "vaults.list"].includes(permission));
    for (const [, call] of foreign) await expectError(call(ownerToken), notFound(id));
    for (const [, call] of rpcs(unknownConnectionId).slice(3)) {
      await expectError(call(coffer.ownerToken), notFound(unknownConnectionId));
    }
    expect(await get({ id })).toMatchObject({ id, etag: "1" });
  });
});

describe("conflicts", () => {
  it("when the name is taken, with the blocking id", async () => {
    const { vaults } = coffer.clients();
    const taken = await createConnection(coffer, dopplerConnection());
    const { id } = await createConnection(coffer, dopplerConnection());
    const { name } = taken;
    const conflict = {
      ...{ code: "AlreadyExists", reason: "VAULT_CONNECTION_NAME_TAKEN" },
      ...{ metadata: { name, id: taken.id }, resources: [`vault_connection ${taken.id}`] },
    };
    await expectError(vaults.createVaultConnection(dopplerConnection({ name })), conflict);
    await expectError(vaults.updateVaultConnection({ vaultConnection: { id, name } }), conflict);
  });

  it("when the etag is stale, before anything is sent", async () => {
    const service = await startVaultService("doppler", credential);
    const { vaults } = coffer.clients();
    const { id } = await createConnection(coffer, connectionTo(service));
    const vaultConnection = { id, etag: "9", name: newName() };
    await expectError(vaults.updateVaultConnection({ vaultConnection }), staleEtag("1"));
    const credentials = { accessToken: credential };
    await expectError(vaults.rotateVaultConnection({ id, etag: "9", credentials }), staleEtag("1"));
    await expectError(vaults.deleteVaultConnection({ id, etag: "9" }), staleEtag("1"));
    expect(service.calls).toEqual([]);
    await service.close();
  });

  it("of 20 rotations at once: each that succeeds has replaced what it has seen", async () => {
    const service = await startVaultService("doppler", credential);
    const { vaults } = coffer.clients();
    const { id } = await createConnection(coffer, connectionTo(service));
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const call = vaults.rotateVaultConnection({ id, credentials: { accessToken: credential } });
        return (await call.catch(() => undefined)) ? "rotated" : (await errorOf(call)).reason;
      }),
    );
    const rotated = outcomes.filter((outcome) => outcome === "rotated").length;
    expect(rotated).toBeGreaterThan(0);
    const others = outcomes.filter((outcome) => outcome !== "rotated");
    expect(others.filter((outcome) => outcome !== "CONCURRENT_CHANGE")).toEqual([]);
    expect((await get({ id })).etag).toBe(String(1 + rotated));
    await vaults.verifyVaultConnection({ id });
    await service.close();
  });
});

describe("a tier", () => {
  it.each([
    ["free", WorkspaceTier.FREE, 1],
    ["pro", WorkspaceTier.PRO, 10],
  ] as const)("%s holds exactly so many after 30 creates at once", async (_, tier, limit) => {
    const { ownerToken } = await coffer.clients().workspaces.createWorkspace({ displayName: "w", tier });
    const { vaults } = coffer.clients(ownerToken);
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const call = vaults.createVaultConnection(dopplerConnection());
        return (await call.catch(() => undefined)) ? "created" : (await errorOf(call)).reason;
      }),
    );
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(limit);
    expect(new Set(outcomes)).toEqual(new Set(["created", "QUOTA_EXCEEDED"]));
    const { vaultConnections } = await vaults.listVaultConnections({});
    expect(vaultConnections).toHaveLength(limit);
    await vaults.deleteVaultConnection({ id: vaultConnections[0]?.id ?? "" });
    await createConnection(coffer, dopplerConnection(), ownerToken);
  });
});

describe("replays", () => {
  it("every change, and asks the vault once", async () => {
    const service = await startVaultService("doppler", credential);
    const { vaults } = coffer.clients();
    const request = connectionTo(service);
    const made = await twice(newName("key"), (options) => vaults.createVaultConnection(request, options));
    const { id } = present(made.first.answer.vaultConnection);
    const credentials = { accessToken: credential };
    const calls: ((options: CallOptions) => Promise<unknown>)[] = [
      (options) => vaults.updateVaultConnection({ vaultConnection: { id, description: "d", etag: "1" } }, options),
      (options) => vaults.rotateVaultConnection({ id, credentials, etag: "2" }, options),
      (options) => vaults.verifyVaultConnection({ id }, options),
      (options) => vaults.deleteVaultConnection({ id, etag: "3" }, options),
    ];
    const outcomes = [made];
    for (const call of calls) outcomes.push((await twice(newName("key"), call)) as typeof made);
    for (const { first, second } of outcomes) {
      expect([first.replayed, second.replayed]).toEqual([false, true]);
      expect(second.answer).toEqual(first.answer);
    }
    expect(service.calls).toHaveLength(2);
    await service.close();
  });
});

describe("the audit trail", () => {
  it("has each change, and a verification before the credentials go out", async () => {
    const service = serviceOf("connect");
    service.credential = credential;
    const { vaults } = coffer.clients();
    const { id } = await createConnection(coffer, connectionTo(service));
    await vaults.verifyVaultConnection({ id });
    await expectError(vaults.deleteVaultConnection({ id, etag: "9" }), staleEtag("1"));
    await vaults.deleteVaultConnection({ id });
    const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: id });
    const seen = auditEvents.map(({ method, resourceType, result }) => [method.split("/")[1], resourceType, result]);
    const of = (rpc: string) => [`${rpc}VaultConnection`, "vault_connection", "OK"];
    expect(seen.reverse()).toEqual([of("Create"), of("Verify"), of("Verify"), of("Delete")]);
  });
});

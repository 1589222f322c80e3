// How much a workspace of a tier may hold: exactly so much, whoever asks at the same time, on the real servers.
import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceTier } from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { QuotaFailureSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid } from "../../support/errors.ts";
import { until } from "../../support/poll.ts";
import { byId, createSecret, data, newName } from "../../support/secrets.ts";

const coffer = useCoffer();
const full = { code: "ResourceExhausted", reason: "QUOTA_EXCEEDED", hasRetryInfo: false };

/** A workspace of the tier, which holds so many secrets, and calls as its owner. */
async function workspaceWith(tier: WorkspaceTier, count = 0) {
  const { workspace, ownerToken } = await coffer.clients().workspaces.createWorkspace({ displayName: "w", tier });
  expect(workspace?.tier).toBe(tier);
  const clients = coffer.clients(ownerToken);
  const secrets = [];
  for (let i = 0; i < count; i++) secrets.push(await createSecret(coffer, {}, ownerToken));
  const held = async () => (await clients.secrets.listSecrets({ pageSize: 1000 })).secrets.length;
  return { ...clients, token: ownerToken, workspaceId: workspace?.id ?? "", created: secrets, held };
}

describe("a free workspace", () => {
  it.each([
    ["each without a key", () => ({})],
    ["each with a key", () => ({ headers: { "idempotency-key": randomUUID() } })],
  ])("that holds 3 secrets holds 5 after 100 creates at once, %s", async (_, options) => {
    const { secrets, held } = await workspaceWith(WorkspaceTier.FREE, 3);
    const calls = Array.from({ length: 100 }, async () => {
      const call = secrets.createSecret({ name: newName(), value: data("v") }, options());
      return (await call.catch(() => undefined)) ? "created" : (await errorOf(call)).reason;
    });
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(2);
    expect(new Set(outcomes)).toEqual(new Set(["created", "QUOTA_EXCEEDED"]));
    expect(await held()).toBe(5);
  });

  it("says which limit stands in the way, and takes none of it back on a retry", async () => {
    const { secrets, workspaceId } = await workspaceWith(WorkspaceTier.FREE, 5);
    const options = { headers: { "idempotency-key": randomUUID() } };
    const request = { name: newName(), value: data("v") };
    const seen = await expectError(secrets.createSecret(request, options), {
      ...full,
      metadata: { subject: `workspace:${workspaceId}`, tier: "free", limited: "secrets", limit: "5" },
      message: "a workspace of the tier free has a limit of 5 secrets",
    });
    expect(seen.error.findDetails(QuotaFailureSchema)[0]?.violations).toMatchObject([
      { subject: `workspace:${workspaceId}` },
    ]);
    await secrets.deleteSecret({ ...byId((await secrets.listSecrets({})).secrets[0]?.id ?? "") });
    expect((await secrets.createSecret(request, options)).secret?.name).toBe(request.name);
    expect((await secrets.createSecret(request, options)).secret?.name).toBe(request.name);
  });

  it("does not count what is deleted or expired, and brings nothing back beyond its limit", async () => {
    const { secrets, created, token, held } = await workspaceWith(WorkspaceTier.FREE, 4);
    const expireTime = { case: "expireTime", value: timestampFromMs(Date.now() + 700) } as const;
    const { id } = await createSecret(coffer, { expiration: expireTime }, token);
    await expectError(secrets.createSecret({ name: newName(), value: data("v") }), full);
    await until("it has expired", async () => (await held()) === 4);
    await createSecret(coffer, {}, token);
    await expectError(secrets.undeleteSecret({ id }), full);
    const [first] = created;
    await secrets.deleteSecret(byId(first?.id ?? ""));
    expect((await secrets.undeleteSecret({ id })).secret?.id).toBe(id);
    await expectError(secrets.undeleteSecret({ id: first?.id ?? "" }), full);
    expect(await held()).toBe(5);
  });

  it("shows nobody a taken name by its limit", async () => {
    const { secrets, created } = await workspaceWith(WorkspaceTier.FREE, 5);
    await expectError(secrets.createSecret({ name: created[0]?.name ?? "", value: data("v") }), full);
  });

  it("holds more once its tier is raised, which takes who may make workspaces", async () => {
    const { workspaces, secrets, token, held } = await workspaceWith(WorkspaceTier.FREE, 5);
    const admin = (await coffer.clients(token).tokens.createToken({ displayName: "a", role: Role.ADMIN })).token;
    const raise = { workspace: { tier: WorkspaceTier.PRO } };
    await expectError(coffer.clients(admin).workspaces.updateWorkspace(raise), denied("workspace.create"));
    expect((await workspaces.updateWorkspace(raise)).workspace).toMatchObject({
      tier: WorkspaceTier.PRO,
      displayName: "w",
    });
    await createSecret(coffer, {}, token);
    await workspaces.updateWorkspace({ workspace: { tier: WorkspaceTier.FREE } });
    await expectError(secrets.createSecret({ name: newName(), value: data("v") }), full);
    expect(await held()).toBe(6);
    const unset = { workspace: {}, updateMask: { paths: ["tier"] } };
    expect((await workspaces.updateWorkspace(unset)).workspace?.tier).toBe(WorkspaceTier.ENTERPRISE);
  });
});

describe("other tiers", () => {
  it("pro holds 100", async () => {
    const { secrets, token, held } = await workspaceWith(WorkspaceTier.PRO, 98);
    const calls = await Promise.allSettled(Array.from({ length: 20 }, () => createSecret(coffer, {}, token)));
    expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    expect(await held()).toBe(100);
    const [one] = (await secrets.listSecrets({ pageSize: 1 })).secrets;
    await secrets.deleteSecret(byId(one?.id ?? ""));
    await createSecret(coffer, {}, token);
  });

  it("a workspace has none that limits anything unless it is given one", async () => {
    const { workspace } = await coffer.clients().workspaces.createWorkspace({ displayName: "w" });
    expect(workspace?.tier).toBe(WorkspaceTier.ENTERPRISE);
    await expectError(
      coffer.clients().workspaces.createWorkspace({ displayName: "w", tier: 9 as WorkspaceTier }),
      invalid("tier"),
    );
  });
});

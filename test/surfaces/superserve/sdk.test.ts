// Superserve's own client, unchanged, against a running coffer.
import {
  AuthenticationError,
  ConflictError,
  NotFoundError,
  Provider,
  Sandbox,
  Secret,
  ValidationError,
} from "@superserve/sdk";
import { beforeAll, describe, expect, it } from "vitest";
import { idOfUuid } from "../../../src/domain/ids.ts";
import { useCoffer } from "../../support/coffer.ts";
import { writeEgressEvent } from "../../support/egress-secrets.ts";
import { getSecret, newName } from "../../support/secrets.ts";

const coffer = useCoffer();
let connection = { apiKey: "", baseUrl: "" };
beforeAll(() => {
  connection = { apiKey: coffer.ownerToken, baseUrl: coffer.url };
});

const create = (name = newName("SDK")) =>
  Secret.create({ ...connection, name, value: "sk-value", provider: "anthropic" });

it("Provider.list", async () => {
  const list = await Provider.list(connection);
  expect(list).toHaveLength(19);
  expect(list[0]).toEqual({
    name: "anthropic",
    display: "Anthropic",
    authType: "api-key",
    authConfig: { header: "x-api-key" },
    hosts: ["api.anthropic.com"],
    tokenShape: "sk-ant-api03-...",
  });
});

describe("Secret", () => {
  it("create with a preset, with auth and hosts, and with perHost", async () => {
    expect(await create()).toMatchObject({ authType: "api-key", providerShortcut: "anthropic", lastUsedAt: undefined });
    const hosts = ["api.example.com"];
    const auth = { type: "api-key", header: "X-Key" } as const;
    const single = await Secret.create({ ...connection, name: newName("SDK"), value: "v", auth, hosts });
    expect(single).toMatchObject({ authType: "api-key", authConfig: { header: "X-Key" }, hosts });
    const perHost = [{ type: "bearer", hosts } as const];
    const many = await Secret.create({ ...connection, name: newName("SDK"), value: "v", auth: { perHost }, hosts });
    expect(many).toMatchObject({ authType: "per_host", authConfig: { per_host: perHost }, hosts });
    expect(many.createdAt).toBeInstanceOf(Date);
  });

  it("get, list, getInfo, rotate and delete", async () => {
    const secret = await create();
    const { name, id } = secret;
    expect(await Secret.get(name, connection)).toMatchObject({ id, name });
    expect((await Secret.list(connection)).map((each) => each.id)).toContain(id);
    expect(await secret.getInfo()).toMatchObject({ id, name });
    expect(await secret.rotate("another")).toMatchObject({ id, name });
    expect(await getSecret(coffer, { id: idOfUuid("sec", id) ?? "" })).toMatchObject({ currentVersion: 2 });
    await secret.delete();
    await secret.delete();
    await Secret.deleteByName(name, connection);
    await expect(Secret.get(name, connection)).rejects.toThrow(NotFoundError);
  });

  it("getAudit and getSandboxes", async () => {
    const secret = await create();
    const sandbox = await Sandbox.create({ ...connection, name: "box", secrets: { KEY: secret.name } });
    const ids = { secretId: idOfUuid("sec", secret.id) ?? "", sandboxId: idOfUuid("sbx", sandbox.id) ?? "" };
    for (const status of [200, 404, 200]) await writeEgressEvent(coffer, { ...ids, status });
    const events = await secret.getAudit();
    expect(events.map(({ status }) => status)).toEqual([200, 404, 200]);
    expect(events[0]).toMatchObject({ sandboxId: sandbox.id, sandboxName: "box", secretId: secret.id, latencyMs: 7 });
    const before = Number(events[0]?.id);
    expect((await secret.getAudit({ limit: 1, before })).map(({ status }) => status)).toEqual([404]);
    expect(await secret.getAudit({ status: "errors" })).toHaveLength(1);
    const bound = { sandboxId: sandbox.id, sandboxName: "box", envKey: "KEY", status: "active" };
    expect(await secret.getSandboxes()).toEqual([bound]);
    await sandbox.attachSecret("SECOND", secret.name);
    expect(await secret.getSandboxes()).toEqual([bound, { ...bound, envKey: "SECOND" }]);
    await sandbox.detachSecret("KEY");
    expect(await secret.getSandboxes()).toHaveLength(1);
    await expect(sandbox.detachSecret("KEY")).rejects.toThrow(NotFoundError);
  });

  it("has its error classes for 400, 401, 404 and 409", async () => {
    const { name } = await create();
    await expect(create("not a name")).rejects.toThrow(ValidationError);
    await expect(create(name)).rejects.toMatchObject({ code: "conflict" });
    await expect(create(name)).rejects.toThrow(ConflictError);
    await expect(Secret.get("nothing", connection)).rejects.toMatchObject({ code: "not_found" });
    await expect(Secret.list({ ...connection, apiKey: "wrong" })).rejects.toThrow(AuthenticationError);
    const unknown = Sandbox.create({ ...connection, name: "box", secrets: { KEY: "nothing" } });
    await expect(unknown).rejects.toMatchObject({ name: "ValidationError", code: "secret_not_found" });
  });
});

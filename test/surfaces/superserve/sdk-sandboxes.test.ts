// Superserve's own client, unchanged, against a running coffer: each method of its sandboxes and templates.
import {
  AuthenticationError,
  ConflictError,
  NotFoundError,
  Sandbox,
  type SandboxCreateOptions,
  Secret,
  ServerError,
  Template,
  ValidationError,
} from "@superserve/sdk";
import { beforeAll, describe, expect, it } from "vitest";
import { idOfUuid } from "../../../src/domain/ids.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { writeEgressEvent } from "../../support/egress-secrets.ts";
import { sandboxCalls } from "../../support/sandboxes.ts";
import { newName } from "../../support/secrets.ts";
import { served } from "../../support/superserve.ts";

const coffer = useCoffer();
const { authenticated } = sandboxCalls(coffer);
let connection = { apiKey: "", baseUrl: "" };
beforeAll(() => {
  connection = { apiKey: coffer.ownerToken, baseUrl: coffer.url };
});

const create = (options: Partial<SandboxCreateOptions> = {}) =>
  Sandbox.create({ ...connection, name: "box", ...options });
const unknown = "01900000-0000-7000-8000-000000000000";

/** The token that the client holds for files and commands. */
const tokenOf = (sandbox: Sandbox) => (sandbox as unknown as { _accessToken: string })._accessToken;

describe("Sandbox", () => {
  it("create, with everything that needs no machine", async () => {
    const secret = await Secret.create({ ...connection, name: newName("SDK"), value: "v", provider: "openai" });
    const metadata = { owner: "agent-7", "run.id": "42", "": "" };
    delete (metadata as Record<string, string>)[""];
    const network = { allowOut: ["api.openai.com", "*.GitHub.com"], denyOut: ["0.0.0.0/0"] };
    const envVars = { MODE: "test", LINES: "a\nb\n", EMPTY: "", __proto__x: "ü😀" };
    const sandbox = await create({ metadata, network, envVars, secrets: { KEY: secret.name } });
    expect(sandbox).toMatchObject({ name: "box", status: "active", metadata });
    expect(sandbox.secrets).toEqual([{ envKey: "KEY", secretName: secret.name, revoked: undefined }]);
    expect(tokenOf(sandbox)).toMatch(/^sbx_coffer_/);
    const info = await sandbox.getInfo();
    expect(info).toMatchObject({
      ...{ id: sandbox.id, name: "box", status: "active", metadata, vcpuCount: 0, memoryMib: 0 },
      network: { allowOut: ["api.openai.com", "*.github.com"], denyOut: ["0.0.0.0/0"] },
      secrets: [{ envKey: "KEY", secretName: secret.name, revoked: false }],
    });
    expect(info.createdAt).toBeInstanceOf(Date);
    expect(await served(coffer, `/sandboxes/${sandbox.id}`)).toMatchObject({ env_vars: envVars });
    expect(await (await create()).getInfo()).toMatchObject({ metadata: {}, network: undefined });
    expect(await (await create({ network: {} })).getInfo()).toMatchObject({ network: undefined });
  });

  it("connect from another process: a fresh token, and the old one ends", async () => {
    const sandbox = await create({ metadata: { a: "b" } });
    const connected = await Sandbox.connect(sandbox.id, connection);
    expect(connected).toMatchObject({ id: sandbox.id, name: "box", status: "active", metadata: { a: "b" } });
    expect(tokenOf(connected)).not.toBe(tokenOf(sandbox));
    expect(await authenticated(tokenOf(sandbox))).toBeUndefined();
    expect(await authenticated(tokenOf(connected))).toMatchObject({ sandboxId: idOfUuid("sbx", sandbox.id) });
  });

  it("connect says which secrets are deleted since", async () => {
    const make = () => Secret.create({ ...connection, name: newName("SDK"), value: "v", provider: "openai" });
    const [gone, kept] = [await make(), await make()];
    const { id } = await create({ secrets: { A: gone.name, B: kept.name } });
    await gone.delete();
    const { secrets } = await Sandbox.connect(id, connection);
    expect(secrets).toMatchObject([
      { envKey: "A", secretName: gone.name, revoked: true },
      { envKey: "B", secretName: kept.name },
    ]);
  });

  it("list, all and by tags, newest first", async () => {
    const run = newName("run");
    const tags = { run, "a.b.c": "x=y&z ü" };
    const [one, two] = [await create({ metadata: { run } }), await create({ metadata: tags })];
    const ids = async (metadata?: Record<string, string>) =>
      (await Sandbox.list({ ...connection, ...(metadata ? { metadata } : {}) })).map(({ id }) => id);
    expect(await ids({ run })).toEqual([two.id, one.id]);
    expect(await ids(tags)).toEqual([two.id]);
    expect(await ids({ run, "a.b.c": "x" })).toEqual([]);
    expect(await ids()).toEqual(expect.arrayContaining([two.id, one.id]));
    const [listed] = await Sandbox.list({ ...connection, metadata: tags });
    expect(listed).toMatchObject({ name: "box", status: "active", metadata: tags, secrets: [] });
  });

  it("update and updateById: tags and limits, each replaced as a whole", async () => {
    const sandbox = await create({ metadata: { a: "1", b: "2" }, network: { denyOut: ["evil.example.com"] } });
    await sandbox.update({ metadata: { c: "3" } });
    expect(await sandbox.getInfo()).toMatchObject({
      metadata: { c: "3" },
      network: { allowOut: [], denyOut: ["evil.example.com"] },
    });
    await Sandbox.updateById(sandbox.id, { network: { allowOut: ["api.example.com"] } }, connection);
    expect(await sandbox.getInfo()).toMatchObject({
      metadata: { c: "3" },
      network: { allowOut: ["api.example.com"], denyOut: [] },
    });
    await sandbox.update({ metadata: {}, network: {}, timeoutSeconds: null, autoDeleteSeconds: null });
    expect(await sandbox.getInfo()).toMatchObject({ metadata: {}, network: undefined });
    await sandbox.update({ timeoutSeconds: null });
    await expect(sandbox.update({})).rejects.toThrow(ValidationError);
  });

  it("attachSecret and detachSecret, not under the name of a variable", async () => {
    const { name } = await Secret.create({ ...connection, name: newName("SDK"), value: "v", provider: "openai" });
    const sandbox = await create({ envVars: { MODE: "test" } });
    await sandbox.attachSecret("KEY", name);
    await expect(sandbox.attachSecret("KEY", name)).rejects.toThrow(ConflictError);
    await expect(sandbox.attachSecret("MODE", name)).rejects.toThrow(ConflictError);
    await sandbox.detachSecret("KEY");
    expect((await sandbox.getInfo()).secrets).toEqual([]);
    await expect(create({ envVars: { KEY: "v" }, secrets: { KEY: name } })).rejects.toMatchObject({
      name: "ValidationError",
      code: "bad_request",
      message: expect.stringContaining('env_vars["KEY"]'),
    });
  });

  it("getNetworkLog, by pages, from a time on, and by verdict", async () => {
    const sandbox = await create();
    const about = { sandboxId: idOfUuid("sbx", sandbox.id) ?? "" };
    const start = new Date(Date.now() - 1_000).toISOString();
    await writeEgressEvent(coffer, { ...about, path: "/first" });
    await writeEgressEvent(coffer, { ...about, method: "CONNECT", path: "", requestBytes: 10, responseBytes: 20 });
    await writeEgressEvent(coffer, { ...about, method: "CONNECT", status: 403, errorCode: "host_not_allowed" });
    await writeEgressEvent(coffer, { ...about, method: "CONNECT", status: 502, errorCode: "upstream_unreachable" });
    await writeEgressEvent(coffer, { ...about, path: "/last", status: 503, errorCode: "credential_revoked" });
    const { events, hasMore, nextCursor } = await sandbox.getNetworkLog();
    expect([hasMore, nextCursor]).toEqual([false, undefined]);
    expect(events).toMatchObject([
      { kind: "request", path: "/last", status: 503, errorCode: "credential_revoked", verdict: undefined },
      { kind: "connection", verdict: "failed", status: 502 },
      { kind: "connection", verdict: "blocked", errorCode: "host_not_allowed" },
      { kind: "connection", verdict: "allowed", bytesSent: 10, bytesRecv: 20, method: undefined },
      { kind: "request", method: "GET", host: "api.example.com", path: "/first", status: 200, latencyMs: 7 },
    ]);
    const paged: number[] = [];
    let before: string | undefined;
    do {
      const page = await sandbox.getNetworkLog({ limit: 2, ...(before ? { before } : {}) });
      expect(page.hasMore).toBe(page.nextCursor !== undefined);
      paged.push(...page.events.map(({ id }) => id));
      before = page.nextCursor;
    } while (before);
    expect(paged).toEqual(events.map(({ id }) => id));
    const verdict = async (each: "allowed" | "blocked" | "failed") =>
      (await sandbox.getNetworkLog({ verdict: each })).events.map(({ status }) => status);
    expect([await verdict("allowed"), await verdict("blocked"), await verdict("failed")]).toEqual([
      [200],
      [403],
      [502],
    ]);
    expect((await sandbox.getNetworkLog({ since: start })).events).toHaveLength(5);
    expect((await sandbox.getNetworkLog({ before: start })).events).toEqual([]);
    expect((await sandbox.getNetworkLog({ since: new Date(Date.now() + 60_000).toISOString() })).events).toEqual([]);
    await expect(sandbox.getNetworkLog({ before: "yesterday" })).rejects.toThrow(/^before: must be a time in RFC 3339/);
    await expect(sandbox.getNetworkLog({ limit: 0 })).rejects.toThrow(ValidationError);
  });

  it("kill and killById, also of one that is gone", async () => {
    const sandbox = await create({ envVars: { A: "b" } });
    await sandbox.kill();
    await sandbox.kill();
    await Sandbox.killById(unknown, connection);
    expect(await authenticated(tokenOf(sandbox))).toBeUndefined();
    const asked = [
      () => sandbox.getInfo(),
      () => Sandbox.connect(sandbox.id, connection),
      () => sandbox.getNetworkLog(),
    ];
    for (const call of asked) {
      await expect(call()).rejects.toThrow(NotFoundError);
    }
    await expect(sandbox.update({ metadata: {} })).rejects.toThrow(NotFoundError);
    const [row] = await coffer.sql("select env_envelope from sandbox where sandbox_id = $1", [
      idOfUuid("sbx", sandbox.id),
    ]);
    expect(row).toEqual({ env_envelope: null });
  });

  it("getPreviewUrl calls nobody", async () => {
    const sandbox = await create();
    expect(sandbox.getPreviewUrl(8080)).toContain(sandbox.id);
  });

  it("has its error classes for bad input, a wrong key and another team", async () => {
    await expect(create({ name: "" })).rejects.toThrow(ValidationError);
    await expect(create({ name: "n".repeat(65) })).rejects.toThrow(ValidationError);
    await expect(create({ network: { allowOut: ["8.8.8.8/32"] } })).rejects.toThrow(
      /^network\.allow_out\[0\]: must be/,
    );
    await expect(create({ apiKey: "wrong" })).rejects.toThrow(AuthenticationError);
    const sandbox = await create();
    const apiKey = (await otherWorkspace(coffer)).ownerToken;
    await expect(Sandbox.connect(sandbox.id, { ...connection, apiKey })).rejects.toThrow(NotFoundError);
    expect(await Sandbox.list({ ...connection, apiKey })).toEqual([]);
  });

  it("says of everything that requires a machine that it is not implemented: ServerError with status 501", async () => {
    const sandbox = await create();
    const asked = [
      () => sandbox.pause(),
      () => sandbox.resume(),
      () => sandbox.update({ timeoutSeconds: 60 }),
      () => sandbox.update({ metadata: { a: "b" }, autoDeleteSeconds: 0 }),
      () => create({ timeoutSeconds: 60 }),
      () => create({ autoDeleteSeconds: 0 }),
      () => create({ fromTemplate: "superserve/base" }),
      () => create({ fromSnapshot: unknown }),
    ];
    for (const call of asked) await expect(call()).rejects.toMatchObject(notImplemented);
    await expect(sandbox.pause()).rejects.toThrow("coffer does not support pausing a sandbox: it starts no machines");
    expect((await sandbox.getInfo()).metadata).toEqual({});
  });
});

const notImplemented = { name: "ServerError", statusCode: 501, code: "not_implemented" };

describe("Template", () => {
  it("create, connect, list and deleteById are not implemented", async () => {
    const template = { ...connection, name: "python", from: "python:3.12", vcpu: 2, steps: [{ run: "pip install x" }] };
    const asked = [
      () => Template.create(template),
      () => Template.connect("python", connection),
      () => Template.list(connection),
      () => Template.list({ ...connection, namePrefix: "super" }),
      () => Template.deleteById("python", connection),
    ];
    for (const call of asked) await expect(call()).rejects.toMatchObject(notImplemented);
    await expect(Template.list(connection)).rejects.toThrow(ServerError);
    await expect(Template.list({ ...connection, apiKey: "wrong" })).rejects.toThrow(AuthenticationError);
  });

  it("its builds are not either", async () => {
    // Without a template the SDK never creates this object, so call its constructor like the SDK does.
    const made: Template = Reflect.construct(Template, [{ id: "t", name: "t" }, connection]);
    const asked = [
      () => made.getInfo(),
      () => made.delete(),
      () => made.rebuild(),
      () => made.listBuilds({ limit: 1 }),
      () => made.getBuild("b"),
      () => made.cancelBuild("b"),
      () => made.streamBuildLogs({ buildId: "b", onEvent: () => {} }),
    ];
    for (const call of asked) await expect(call()).rejects.toMatchObject(notImplemented);
  });
});

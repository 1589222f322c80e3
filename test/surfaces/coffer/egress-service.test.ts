// EgressService on the real servers: presets, sandboxes, bindings, events.
import { describe, expect, it } from "vitest";
import { EgressStatusClass } from "../../../gen/coffer/v1/egress_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { authenticateSandbox } from "../../../src/operations/egress/authenticate-sandbox.ts";
import { findSandboxRecord } from "../../../src/store/sandboxes.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret, writeEgressEvent } from "../../support/egress-secrets.ts";
import { denied, expectError, expectErrors, invalid, secretNotFound } from "../../support/errors.ts";
import { twice } from "../../support/replay.ts";
import { byId, byName, createSecret, newName, present, softDelete, unknownSecretId } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_EGRESS_URL: "http://egress.example.com:8081" } });

const egress = (token?: string) => coffer.clients(token).egress;
const sandboxNotFound = { code: "NotFound", reason: "SANDBOX_NOT_FOUND", metadata: {} };
const unknownSandbox = "sbx_01jzzzzzzzzzzzzzzzzzzzzzzz";

async function createSandbox(init: { name?: string; sourceAddress?: string; secrets?: Record<string, string> } = {}) {
  const { sandbox, ...others } = await egress().createSandbox(init);
  return { ...present(sandbox), ...others };
}

const bind = async (sandboxId: string, envKey: string, secretId: string, token?: string) =>
  present((await egress(token).bindSecret({ sandboxId, envKey, ...byId(secretId) })).binding);

/** What the proxy thinks of a token now. */
function authenticated(token: string, address = "192.0.2.1") {
  const sandboxRecords = { get: (id: string) => findSandboxRecord(coffer.deps.database, id), clear: () => {} };
  return authenticateSandbox({ ...coffer.deps, sandboxRecords }, token, address);
}

describe("ListProviders", () => {
  it("shows nineteen presets by name, to anybody with a token", async () => {
    const { providers } = await egress(await coffer.tokenWithRole(Role.MEMBER)).listProviders({});
    expect(providers).toHaveLength(19);
    expect(providers.map(({ name }) => name)).toEqual(providers.map(({ name }) => name).toSorted());
    expect(providers[0]).toMatchObject({
      name: "anthropic",
      displayName: "Anthropic",
      rule: { provider: "anthropic", hosts: ["api.anthropic.com"], auth: { type: "api-key", header: "x-api-key" } },
      placeholderPrefix: "sk-ant-api03-",
    });
    await expectError(egress("sk_wrong").listProviders({}), { code: "Unauthenticated" });
  });
});

describe("CreateSandbox", () => {
  it("makes one with a token that the proxy takes, and placeholders in the shape of each preset", async () => {
    const one = await createEgressSecret(coffer, { egress: { provider: "github" } });
    const two = await createEgressSecret(coffer);
    const made = await createSandbox({ name: "agent", secrets: { GITHUB_TOKEN: one.name, _key2: two.name } });
    expect(made).toMatchObject({
      id: expect.stringMatching(/^sbx_[0-9a-z]{26}$/),
      name: "agent",
      sourceAddress: "",
      token: expect.stringMatching(/^sbx_coffer_/),
      proxyUrl: `http://sandbox:${made.token}@egress.example.com:8081/`,
      secrets: [
        { envKey: "GITHUB_TOKEN", secretId: one.id, secretName: one.name, revoked: false },
        { envKey: "_key2", secretId: two.id, secretName: two.name, revoked: false },
      ],
    });
    expect(made.secrets[0]?.placeholder).toMatch(/^ghp_[A-Za-z0-9]{36}$/);
    expect(made.secrets[1]?.placeholder).toMatch(/^ssrv_proxy_[\w-]{43}$/);
    const sandbox = present(await authenticated(made.token));
    expect(sandbox.bindings.map(({ rule }) => rule?.hosts)).toEqual([
      ["api.github.com", "github.com"],
      ["api.example.com"],
    ]);
    expect(JSON.stringify(await coffer.sql("select * from sandbox"))).not.toContain(made.token);
    expect(coffer.logLines.join()).not.toContain(made.token);
  });

  it("binds it to an address, in its normal form", async () => {
    const { sourceAddress, token } = await createSandbox({ sourceAddress: "2001:DB8:0::1" });
    expect(sourceAddress).toBe("2001:db8::1");
    expect(await authenticated(token)).toBeUndefined();
    expect(await authenticated(token, "2001:db8::1")).toBeDefined();
    // As an address of IPv4, however it reached the proxy.
    expect(await createSandbox({ sourceAddress: "::ffff:192.0.2.9" })).toMatchObject({ sourceAddress: "192.0.2.9" });
  });

  it("shows the token once: a replay has none", async () => {
    const { name } = await createEgressSecret(coffer);
    const { first, second } = await twice(newName(), (options) =>
      egress().createSandbox({ name: "again", secrets: { KEY: name } }, options),
    );
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.answer).toEqual({ ...first.answer, token: "", proxyUrl: "" });
    expect(await coffer.sql("select 1 from sandbox where name = 'again'")).toHaveLength(1);
  });

  it("takes 32 secrets, and not 33", async () => {
    const { name } = await createEgressSecret(coffer);
    const secrets = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`K${i}`, name]));
    const made = await createSandbox({ secrets: secrets(32) });
    expect(new Set(made.secrets.map(({ placeholder }) => placeholder)).size).toBe(32);
    await expectError(createSandbox({ secrets: secrets(33) }), { code: "InvalidArgument" });
    await expectError(bind(made.id, "ONE_MORE", present(made.secrets[0]).secretId), {
      code: "ResourceExhausted",
      reason: "BINDING_LIMIT",
      metadata: { limit: "32" },
    });
  });

  it("rejects bad keys and addresses", async () => {
    for (const key of ["", "1A", "A-B", "A.B", "Ä", "A".repeat(129)]) {
      await expectError(createSandbox({ secrets: { [key]: "x" } }), { code: "InvalidArgument" });
    }
    for (const address of ["localhost", "127.1", "10.0.0.0/8", "::1%eth0", "[::1]", "010.0.0.1", " ::1"]) {
      await expectError(createSandbox({ sourceAddress: address }), {
        code: "InvalidArgument",
        reason: "FIELD_INVALID",
      });
    }
    await expectError(createSandbox({ name: "x".repeat(201) }), invalid("name"));
  });

  it("makes nothing when one of the secrets is not to be had", async () => {
    const good = await createEgressSecret(coffer);
    const ruleless = await createSecret(coffer);
    const deleted = await softDelete(coffer, await createEgressSecret(coffer));
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createEgressSecret(coffer, {}, ownerToken);
    const name = newName("none");
    const withB = (B: string) => createSandbox({ name, secrets: { A: good.name, B } });
    await expectErrors(["no such name", deleted.name, foreign.name].map(withB), {
      ...secretNotFound,
      metadata: { env_key: "B" },
    });
    await expectError(withB(ruleless.name), {
      code: "FailedPrecondition",
      reason: "NO_EGRESS_RULE",
      metadata: { id: ruleless.id, env_key: "B" },
    });
    expect(await coffer.sql("select 1 from sandbox where name = $1", [name])).toEqual([]);
  });

  it("takes egress.bind and secrets.use for secrets, by role or by an access rule", async () => {
    const { name } = await createEgressSecret(coffer);
    const secrets = { KEY: name };
    const without = await coffer.tokenWithRole(Role.OWNER, ["egress.create", "secrets.use"]);
    await expectError(egress(without).createSandbox({ secrets }), denied("egress.bind"));
    const unable = await coffer.tokenWithRole(Role.OWNER, ["egress.*"]);
    await expectError(egress(unable).createSandbox({ secrets }), denied("secrets.use"));
    await egress(await coffer.tokenWithRole(Role.OPERATOR)).createSandbox({ secrets });
  });
});

describe("GetSandbox", () => {
  it("shows placeholders to those who may bind, and never the token", async () => {
    const secret = await createEgressSecret(coffer);
    const made = await createSandbox({ secrets: { KEY: secret.name } });
    expect((await egress().getSandbox({ id: made.id })).sandbox).toEqual(
      expect.objectContaining({ id: made.id, secrets: made.secrets }),
    );
    const viewer = egress(await coffer.tokenWithRole(Role.VIEWER));
    expect((await viewer.getSandbox({ id: made.id })).sandbox?.secrets).toMatchObject([
      { envKey: "KEY", placeholder: "" },
    ]);
  });

  it("says which secrets are worth nothing any more", async () => {
    const [gone, cleared] = [await createEgressSecret(coffer), await createEgressSecret(coffer)];
    const { id, token } = await createSandbox({ secrets: { A: gone.name, B: cleared.name } });
    await softDelete(coffer, gone);
    await coffer.clients().secrets.updateSecret({ secret: { id: cleared.id }, updateMask: { paths: ["egress"] } });
    expect((await egress().getSandbox({ id })).sandbox?.secrets.map(({ revoked }) => revoked)).toEqual([true, true]);
    expect((await authenticated(token))?.bindings.map(({ rule }) => rule)).toEqual([undefined, undefined]);
  });
});

describe("DeleteSandbox", () => {
  it("ends it and its token, once for one key", async () => {
    const { id, token } = await createSandbox();
    const { second } = await twice(newName(), (options) => egress().deleteSandbox({ id }, options));
    expect(second.replayed).toBe(true);
    expect(await authenticated(token)).toBeUndefined();
    await expectErrors([egress().deleteSandbox({ id }), egress().getSandbox({ id })], sandboxNotFound);
  });
});

describe("BindSecret", () => {
  it("binds by id and by name, each time with a fresh placeholder", async () => {
    const { id, name } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const one = await bind(sandboxId, "ONE", id);
    const { binding: two } = await egress().bindSecret({ sandboxId, envKey: "TWO", ...byName(name) });
    expect([one, two]).toMatchObject([
      { envKey: "ONE", secretId: id, secretName: name, revoked: false },
      { envKey: "TWO", secretId: id, secretName: name, revoked: false },
    ]);
    expect(one.placeholder).not.toBe(two?.placeholder);
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toEqual([one, two]);
  });

  it("shows the same binding in a replay", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const { first, second } = await twice(newName(), (options) =>
      egress().bindSecret({ sandboxId, envKey: "KEY", ...byId(id) }, options),
    );
    expect([second.replayed, second.answer]).toEqual([true, first.answer]);
  });

  it("keeps to 32, and to one for a variable, whoever else binds at the time", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const calls = Array.from({ length: 40 }, (_, i) => bind(sandboxId, `K${i}`, id));
    const done = (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled");
    expect(done).toHaveLength(32);
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toHaveLength(32);
    const { id: another } = await createSandbox();
    const same = await Promise.allSettled(Array.from({ length: 8 }, () => bind(another, "KEY", id)));
    expect(same.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("conflicts with what is bound, until that is let go", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId, token } = await createSandbox();
    const old = await bind(sandboxId, "KEY", id);
    await expectError(bind(sandboxId, "KEY", id), {
      code: "AlreadyExists",
      reason: "ENV_KEY_TAKEN",
      metadata: { env_key: "KEY" },
    });
    await egress().unbindSecret({ sandboxId, envKey: "KEY" });
    const now = await bind(sandboxId, "KEY", id);
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toEqual([now]);
    const judged = new Map((await authenticated(token))?.bindings.map((each) => [each.placeholder, each.rule]));
    expect([judged.get(old.placeholder), judged.get(now.placeholder)]).toMatchObject([undefined, { isPerHost: false }]);
  });

  it("finds no sandbox and no secret that is not there, or not the caller's", async () => {
    const secret = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createEgressSecret(coffer, {}, ownerToken);
    await expectErrors(
      [bind(unknownSandbox, "K", secret.id), bind(sandboxId, "K", foreign.id, ownerToken)],
      sandboxNotFound,
    );
    await expectErrors([bind(sandboxId, "K", unknownSecretId), bind(sandboxId, "K", foreign.id)], secretNotFound);
    await expectErrors(
      [
        egress(ownerToken).getSandbox({ id: sandboxId }),
        egress(ownerToken).deleteSandbox({ id: sandboxId }),
        egress(ownerToken).unbindSecret({ sandboxId, envKey: "K" }),
      ],
      sandboxNotFound,
    );
  });

  it("refuses bad keys, and secrets without a rule or deleted", async () => {
    const { id: sandboxId } = await createSandbox();
    const { id } = await createEgressSecret(coffer);
    await expectErrors([bind(sandboxId, "1K", id), bind(sandboxId, "", id)], invalid("env_key"));
    await expectError(bind(sandboxId, "K", (await createSecret(coffer)).id), { reason: "NO_EGRESS_RULE" });
    await softDelete(coffer, { id });
    await expectError(bind(sandboxId, "K", id), { reason: "SECRET_SOFT_DELETED" });
  });

  it("takes egress.bind, and secrets.use of the secret", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const only = await coffer.tokenWithRole(Role.OWNER, ["egress.bind"]);
    await expectError(bind(sandboxId, "K", id, only), denied("secrets.use"));
    const user = await coffer.tokenWithRole(Role.OWNER, ["secrets.use"]);
    await expectError(bind(sandboxId, "K", id, user), denied("egress.bind"));
  });

  it("vouches for no rule that SQL has changed", async () => {
    const { id, name } = await createEgressSecret(coffer);
    const { id: sandboxId, token } = await createSandbox({ secrets: { BEFORE: name } });
    await coffer.sql(
      `update secret set egress_rule = jsonb_set(egress_rule, '{hosts,0}', '"evil.example.net"') where secret_id = $1`,
      [id],
    );
    const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT" };
    await expectErrors([bind(sandboxId, "K", id), createSandbox({ secrets: { K: name } })], corrupt);
    expect((await authenticated(token))?.bindings).toMatchObject([{ rule: undefined }]);
    await coffer.sql("update secret set egress_mac = null where secret_id = $1", [id]);
    await expectError(bind(sandboxId, "K", id), corrupt);
    // A rule of the caller's own is whole again.
    await coffer.clients().secrets.updateSecret({ secret: { id, egress: { provider: "openai" } } });
    await bind(sandboxId, "K", id);
    expect((await authenticated(token))?.bindings.map(({ rule }) => rule?.hosts)).toEqual([
      ["api.openai.com"],
      ["api.openai.com"],
    ]);
  });
});

describe("UnbindSecret", () => {
  it("lets go once, and finds nothing the second time, but for a replay", async () => {
    const { id, name } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox({ secrets: { A: name, B: name } });
    const { second } = await twice(newName(), (options) => egress().unbindSecret({ sandboxId, envKey: "A" }, options));
    expect(second.replayed).toBe(true);
    const nothing = { code: "NotFound", reason: "BINDING_NOT_FOUND" };
    await expectErrors(
      ["A", "C"].map((envKey) => egress().unbindSecret({ sandboxId, envKey })),
      nothing,
    );
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toMatchObject([
      { envKey: "B", secretId: id },
    ]);
  });
});

describe("ListEgressEvents", () => {
  it("filters by secret, sandbox and status, in pages, newest first", async () => {
    const secretId = (await createEgressSecret(coffer)).id;
    const { id: sandboxId } = await createSandbox({ name: "box" });
    const ids: string[] = [];
    for (const status of [200, 302, 404, 503]) {
      ids.unshift(await writeEgressEvent(coffer, { secretId, sandboxId, status }));
    }
    const refused = { sandboxId, status: 403, upstreamStatus: undefined, errorCode: "unmatched_host_denied" } as const;
    const refusal = await writeEgressEvent(coffer, refused);
    const list = async (request: object) => (await egress().listEgressEvents(request)).egressEvents.map(({ id }) => id);
    expect(await list({ secretId })).toEqual(ids);
    expect(await list({ sandboxId })).toEqual([refusal, ...ids]);
    const of = (statusClass: EgressStatusClass) => list({ secretId, statusClass });
    expect([await of(EgressStatusClass.SUCCESS), await of(EgressStatusClass.REDIRECT)]).toEqual([[ids[3]], [ids[2]]]);
    expect([await of(EgressStatusClass.CLIENT_ERROR), await of(EgressStatusClass.SERVER_ERROR)]).toEqual([
      [ids[1]],
      [ids[0]],
    ]);
    expect(await of(EgressStatusClass.ERROR)).toEqual([ids[0], ids[1]]);
    const first = await egress().listEgressEvents({ secretId, pageSize: 3 });
    expect(first.egressEvents.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    expect(await list({ secretId, pageSize: 3, pageToken: first.nextPageToken })).toEqual(ids.slice(3));
    await expectError(egress().listEgressEvents({ sandboxId, pageToken: first.nextPageToken }), invalid("page_token"));
    const [event] = (await egress().listEgressEvents({ sandboxId })).egressEvents;
    expect(event).toMatchObject({
      sandboxName: "box",
      secretId: "",
      status: 403,
      latencyMs: 7,
      requestBytes: 1n,
      errorCode: "unmatched_host_denied",
    });
    expect(event?.upstreamStatus).toBeUndefined();
    const { ownerToken } = await otherWorkspace(coffer);
    expect((await egress(ownerToken).listEgressEvents({ secretId })).egressEvents).toEqual([]);
  });
});

it("every change is in the audit trail", async () => {
  const { name } = await createEgressSecret(coffer);
  const { id: sandboxId } = await createSandbox({ secrets: { A: name } });
  await egress().unbindSecret({ sandboxId, envKey: "A" });
  await egress().bindSecret({ sandboxId, envKey: "A", ...byName(name) });
  await egress().deleteSandbox({ id: sandboxId });
  const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: sandboxId });
  const methods = ["DeleteSandbox", "BindSecret", "UnbindSecret", "CreateSandbox"];
  expect(auditEvents.map(({ method }) => method)).toEqual(methods.map((each) => `coffer.v1.EgressService/${each}`));
});

// EgressService on the real servers: presets and sandboxes.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret } from "../../support/egress-secrets.ts";
import { denied, expectError, expectErrors, invalid, secretNotFound } from "../../support/errors.ts";
import { twice } from "../../support/replay.ts";
import { sandboxCalls, sandboxNotFound } from "../../support/sandboxes.ts";
import { byName, createSecret, newName, present, softDelete } from "../../support/secrets.ts";

const coffer = useCoffer({ env: { COFFER_EGRESS_URL: "http://egress.example.com:8081" } });

const { egress, createSandbox, bind, authenticated } = sandboxCalls(coffer);

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
    await expectError(egress(without).createSandbox({ name: "box", secrets }), denied("egress.bind"));
    const unable = await coffer.tokenWithRole(Role.OWNER, ["egress.*"]);
    await expectError(egress(unable).createSandbox({ name: "box", secrets }), denied("secrets.use"));
    await egress(await coffer.tokenWithRole(Role.OPERATOR)).createSandbox({ name: "box", secrets });
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

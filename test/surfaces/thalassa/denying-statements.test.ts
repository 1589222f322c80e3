// Statements that deny: they win over roles, rules and statements that allow, on every way to a secret.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { allow, type Member, newMember } from "../../support/access.ts";
import { setStatements } from "../../support/access-policies.ts";
import { accessAkua } from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";
import { errorOf, expectError, secretNotFound } from "../../support/errors.ts";
import { byId, byName, createSecret, data, getSecret, newName, readText, softDelete } from "../../support/secrets.ts";
import { deny, policyError, statementCalls } from "../../support/statements.ts";
import { secretsUrl, secretUrl, thalassaEnv } from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

const { operator, owner, secretWith, send } = statementCalls(coffer);

describe("getSecretValue denied", () => {
  it("keeps the value from an operator over every API, in a batch and by every name; others have it", async () => {
    const [denied, other] = [await operator(), await operator()];
    const { id, path } = await secretWith([deny(["getSecretValue"], denied)]);
    const { secrets } = coffer.clients(denied.token);
    for (const secret of [byId(id), byName(path)]) {
      for (const version of ["", "1", "latest"]) {
        await expectError(secrets.getSecretValue({ ...secret, version }), policyError(id));
      }
    }
    const { results } = await secrets.batchGetSecretValues({ requests: [byId(id), byName(path)] });
    for (const { result } of results) {
      expect(result.case).toBe("error");
      expect(JSON.stringify(result.value, (_, v) => (typeof v === "bigint" ? String(v) : v))).not.toContain("v1");
    }
    expect(await send(denied, `POST ${secretUrl(path)}/value`)).toMatchObject({
      status: 403,
      body: { message: "the access policy of the secret: statements[0] denies it" },
    });
    expect((await accessAkua(coffer, id, "latest", denied.token)).status).toBe(403);
    expect((await secrets.getSecret(byId(id))).secret?.id).toBe(id);
    const { secrets: others } = coffer.clients(other.token);
    expect((await others.getSecretValue(byId(id))).value.case).toBe("data");
    expect(await readText(coffer, { id })).toBe("v1");
  });

  it("and the audit trail says which statement did", async () => {
    const denied = await operator();
    const { id } = await secretWith([deny(["read"], await operator()), deny(["get-value"], denied)]);
    await expectError(coffer.clients(denied.token).secrets.getSecretValue(byId(id)), policyError(id, 1));
    const find = () =>
      coffer.sql("select decision, rule, result from audit_event where principal_id = $1 and resource_id = $2", [
        denied.principalId,
        id,
      ]);
    await expect
      .poll(find, { timeout: 5_000 })
      .toEqual([{ decision: "DENY", rule: "access_policy:statements[1]", result: "ACCESS_POLICY_DENIED" }]);
  });

  it("wins over a rule and over a statement that allows, wherever it stands", async () => {
    const member = await newMember(coffer);
    const allowed = { effect: "allow", actions: ["*"], principals: [member.principalId] };
    for (const statements of [
      [allowed, deny(["getSecretValue"], member)],
      [deny(["getSecretValue"], member), allowed],
    ]) {
      const { id, path } = await secretWith(statements);
      await allow(coffer, member, ["versions.access"], [path]);
      const { secrets } = coffer.clients(member.token);
      for (const secret of [byId(id), byName(path)]) {
        expect((await errorOf(secrets.getSecretValue(secret))).reason).toBe("ACCESS_POLICY_DENIED");
      }
      expect((await secrets.getSecret(byName(path))).secret?.id).toBe(id);
      await setStatements(coffer, id, [allowed]);
      expect((await secrets.getSecretValue(byId(id))).value.case).toBe("data");
    }
  });

  it("keeps an owner from the value too, who can change the policy", async () => {
    const { principalId } = await coffer.clients().tokens.whoAmI({});
    const { id } = await secretWith([deny(["*"], { principalId, token: "" })]);
    const { secrets, access } = coffer.clients();
    await expectError(secrets.getSecretValue(byId(id)), policyError(id));
    await expectError(secrets.addSecretVersion({ ...byId(id), value: data("v2") }), policyError(id));
    await expectError(secrets.updateSecret({ secret: { id, description: "x" } }), policyError(id));
    await expectError(secrets.deleteSecret(byId(id)), policyError(id));
    expect((await secrets.getSecret(byId(id))).secret?.id).toBe(id);
    const { path } = await getSecret(coffer, { id });
    const told = await access.testPermissions({
      path,
      region: "nl-01",
      permissions: ["secrets.read", "secrets.update"],
    });
    expect(told.permissions).toEqual(["secrets.read"]);
    await setStatements(coffer, id, []);
    expect(await readText(coffer, { id })).toBe("v1");
  });
});

async function bind({ token }: Member, id: string) {
  const { egress } = coffer.clients(token);
  const sandboxId = (await egress.createSandbox({ name: "denied" })).sandbox?.id ?? "";
  return egress.bindSecret({ sandboxId, envKey: "KEY", ...byId(id) });
}

describe("a Deny of an action", () => {
  const calls: [action: string, permission: string, call: (m: Member, id: string) => Promise<unknown>][] = [
    ["read", "secrets.read", ({ token }, id) => coffer.clients(token).secrets.getSecret(byId(id))],
    [
      "update",
      "secrets.update",
      ({ token }, id) => coffer.clients(token).secrets.updateSecret({ secret: { id, mimeType: "a/b" } }),
    ],
    ["update", "secrets.update", ({ token }, id) => coffer.clients(token).access.setAccessPolicy(byId(id))],
    [
      "putSecretValue",
      "versions.add",
      ({ token }, id) => coffer.clients(token).secrets.addSecretVersion({ ...byId(id), value: data("v2") }),
    ],
    [
      "secrets:put-value",
      "versions.add",
      ({ token }, id) => coffer.clients(token).secrets.addSecretVersion({ ...byId(id), value: data("v2") }),
    ],
    ["versions.read", "versions.read", ({ token }, id) => coffer.clients(token).secrets.listSecretVersions(byId(id))],
    [
      "versions.*",
      "versions.read",
      ({ token }, id) => coffer.clients(token).secrets.getSecretVersion({ ...byId(id), version: "1" }),
    ],
    [
      "versions.disable",
      "versions.disable",
      ({ token }, id) => coffer.clients(token).secrets.disableSecretVersion({ ...byId(id), version: "1" }),
    ],
    [
      "versions.enable",
      "versions.enable",
      ({ token }, id) => coffer.clients(token).secrets.enableSecretVersion({ ...byId(id), version: "1" }),
    ],
    [
      "delete",
      "versions.destroy",
      ({ token }, id) => coffer.clients(token).secrets.destroySecretVersion({ ...byId(id), version: "1" }),
    ],
    ["secrets:delete", "secrets.delete", ({ token }, id) => coffer.clients(token).secrets.deleteSecret(byId(id))],
    ["secrets.use", "secrets.use", bind],
    ["getSecretValue", "secrets.use", bind],
  ];

  it.each(calls)("`%s` takes %s from an admin; TestPermissions agrees", async (action, permission, call) => {
    const denied = await newMember(coffer, [], Role.ADMIN);
    const { id, path } = await secretWith([deny([action], denied)]);
    await expectError(call(denied, id), policyError(id));
    const { access } = coffer.clients(denied.token);
    const asked = { path, region: "nl-01", permissions: [permission, "workspace.read"] };
    expect((await access.testPermissions(asked)).permissions).toEqual(["workspace.read"]);
    expect((await access.testPermissions({ ...asked, path: `${path}x` })).permissions).toEqual(asked.permissions);
    expect(await getSecret(coffer, { id })).toMatchObject({ versionCount: 1, enabledVersionCount: 1, etag: "2" });
  });

  it("still holds once the secret is deleted: undelete", async () => {
    const denied = await operator();
    const { id } = await secretWith([deny(["secrets.undelete"], denied)]);
    await softDelete(coffer, { id });
    await expectError(coffer.clients(denied.token).secrets.undeleteSecret({ id }), policyError(id));
    await coffer.clients().secrets.undeleteSecret({ id });
  });

  it("is judged on replays as on first calls", async () => {
    const member = await operator();
    const { id } = await secretWith([]);
    const headers = { "idempotency-key": newName() };
    const { secrets } = coffer.clients(member.token);
    const add = () => secrets.addSecretVersion({ ...byId(id), value: data("v2") }, { headers });
    const disable = () => secrets.disableSecretVersion({ ...byId(id), version: "1" }, { headers });
    await add();
    await disable();
    await setStatements(coffer, id, [deny(["versions.add", "versions.disable"], member)]);
    await expectError(add(), policyError(id));
    await expectError(disable(), policyError(id));
    await setStatements(coffer, id, []);
    expect((await add()).version?.versionNumber).toBe(2);
  });

  it("without actions everything, without principals everybody but an owner's sight; an Allow without them gives nothing", async () => {
    const [one, two] = [await operator(), await newMember(coffer, [], Role.ADMIN)];
    const { id } = await secretWith([deny(undefined, one)]);
    expect((await errorOf(coffer.clients(one.token).secrets.getSecretValue(byId(id)))).reason).toBe("SECRET_NOT_FOUND");
    expect((await coffer.clients(two.token).secrets.getSecretValue(byId(id))).value.case).toBe("data");
    const { id: closed } = await secretWith([deny(["getSecretValue"])]);
    for (const token of [one.token, two.token, coffer.ownerToken]) {
      await expectError(coffer.clients(token).secrets.getSecretValue(byId(closed)), policyError(closed));
    }
    const member = await newMember(coffer);
    const { id: open } = await secretWith([
      { effect: "Allow", actions: ["*"] },
      { effect: "Allow", principals: [member.principalId] },
    ]);
    expect((await errorOf(coffer.clients(member.token).secrets.getSecretValue(byId(open)))).reason).toBe(
      "PERMISSION_MISSING",
    );
  });
});

describe("a principal that may neither list nor read a secret", () => {
  it("does not find it, and lists and levels leave it out; an owner sees it", async () => {
    const denied = await newMember(coffer, [], Role.VIEWER);
    const folder = `/${newName()}`;
    const { id, path } = await secretWith([deny(["list", "read"], denied)], `${folder}/deep/hidden`);
    await createSecret(coffer, { name: `${folder}/shown`, region: "nl-01" });
    const { secrets } = coffer.clients(denied.token);
    await expectError(secrets.getSecret(byId(id)), secretNotFound);
    await expectError(secrets.getSecret(byName(path)), secretNotFound);
    const lists = async (who: { token: string }) => {
      const { secrets: client } = coffer.clients(who.token);
      const { secrets: listed } = await client.listSecrets({ namePrefix: folder });
      const level = await send<{ prefixes: string[] }>(who, `GET ${secretsUrl}?path=${folder}`);
      const flat = await send<{ path: string }[]>(who, `GET ${secretsUrl}?pathPrefix=${folder}`);
      return [listed.length, level.body.prefixes, flat.body.length];
    };
    expect(await lists(denied)).toEqual([1, [], 1]);
    expect(await lists(owner())).toEqual([2, [`${folder}/deep/`], 2]);
    const other = await newMember(coffer, [], Role.VIEWER);
    expect(await lists(other)).toEqual([2, [`${folder}/deep/`], 2]);
  });

  it.each(["list", "read", "*", "secret:list", "secrets:read", "secrets.list", "secrets.*", "secrets:ReadAccess"])(
    "one of them is enough to be left out of lists: %s",
    async (action) => {
      const denied = await newMember(coffer, [], Role.VIEWER);
      const { id } = await secretWith([deny([action], denied)]);
      const names = async (token: string) =>
        (await coffer.clients(token).secrets.listSecrets({ pageSize: 1_000 })).secrets.map((secret) => secret.id);
      expect(await names(denied.token)).not.toContain(id);
      expect(await names(coffer.ownerToken)).toContain(id);
      await setStatements(coffer, id, [deny(["getSecretValue"], denied)]);
      expect(await names(denied.token)).toContain(id);
    },
  );
});

it("a principal that may see nothing of a secret is not told which versions it has", async () => {
  const denied = await newMember(coffer, [], Role.ADMIN);
  const { id } = await secretWith([deny(undefined, denied)]);
  const { secrets } = coffer.clients(denied.token);
  for (const version of ["1", "9"]) {
    await expectError(secrets.destroySecretVersion({ ...byId(id), version }), secretNotFound);
    await expectError(secrets.getSecretValue({ ...byId(id), version }), secretNotFound);
    await expectError(secrets.getSecretVersion({ ...byId(id), version }), secretNotFound);
  }
  expect(await readText(coffer, { id })).toBe("v1");
});

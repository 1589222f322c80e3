// Statements that deny: they win over roles, rules and statements that allow, on every way to a secret.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { signStoredPrincipals } from "../../../src/operations/workspaces/principals.ts";
import { allow, type Member, newMember } from "../../support/access.ts";
import { ALLOW, deniedBy, ipIs, type StatementInit, setStatements } from "../../support/access-policies.ts";
import { accessAkua } from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";
import { errorOf, expectError, secretNotFound } from "../../support/errors.ts";
import { byId, byName, createSecret, data, getSecret, newName, readText, softDelete } from "../../support/secrets.ts";
import { organisationOf, secretsUrl, secretUrl, thalassa, thalassaEnv } from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

const deny = (actions: string[] | undefined, ...members: Member[]): StatementInit => ({
  effect: "Deny",
  ...(actions ? { actions } : {}),
  ...(members.length > 0 ? { principals: members.map(({ principalId }) => principalId) } : {}),
});
const operator = () => newMember(coffer, [], Role.OPERATOR);

/** A secret with these statements. */
async function secretWith(statements: StatementInit[], path = `/app/${newName()}`) {
  const secret = await createSecret(coffer, { name: path, region: "nl-01" });
  await setStatements(coffer, secret.id, statements);
  return { id: secret.id, path };
}

async function send<T = { message: string }>({ token }: { token: string }, request: string, json?: object) {
  const headers = { "x-organisation-identity": await organisationOf(coffer) };
  return thalassa<T>(coffer, request, { token, headers, ...(json ? { json } : {}) });
}

const owner = () => ({ token: coffer.ownerToken });
const policyError = (id: string, statement = 0) => deniedBy(id, `statements[${statement}]`);

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

describe("names of principals", () => {
  const named = async (displayName: string, role: Role = Role.OPERATOR): Promise<Member> => {
    const { apiToken, token } = await coffer.clients().tokens.createToken({ displayName, role });
    return { principalId: apiToken?.principalId ?? "", token };
  };
  const reads = async ({ token }: Member, id: string) =>
    coffer
      .clients(token)
      .secrets.getSecretValue(byId(id))
      .then(
        () => "value",
        () => "error",
      );

  it("user:<name> is the member who has the name when the policy is set; one who takes it later gains and loses nothing", async () => {
    const name = newName("who");
    const first = await named(name, Role.MEMBER);
    const statements = [{ effect: "Allow", actions: ["getSecretValue"], principals: [`user:${name}`, "team:nobody"] }];
    const { id } = await secretWith(statements);
    const second = await named(name, Role.MEMBER);
    expect([await reads(first, id), await reads(second, id)]).toEqual(["value", "error"]);
    await coffer.sql("update principal set display_name = 'renamed' where principal_id = $1", [first.principalId]);
    expect([await reads(first, id), await reads(second, id)]).toEqual(["value", "error"]);
  });

  it("a name that SQL gave to a principal, or a member that SQL made, is refused", async () => {
    const name = newName("victim");
    const { id, path } = await secretWith([]);
    const attacker = await named(newName("attacker"), Role.MEMBER);
    const accessPolicy = {
      statements: [{ effect: "Allow", actions: ["getSecretValue"], principals: [`user:${name}`] }],
    };
    const put = () => send(owner(), `PUT ${secretUrl(path)}/policy`, { accessPolicy });
    const rename = (to: string) =>
      coffer.sql("update principal set display_name = $2 where principal_id = $1 returning mac", [
        attacker.principalId,
        to,
      ]);
    const [before] = await coffer.sql("select display_name from principal where principal_id = $1", [
      attacker.principalId,
    ]);
    await rename(name);
    expect((await put()).status).toBe(500);
    await coffer.sql("update principal set mac = null where principal_id = $1", [attacker.principalId]);
    expect((await put()).status).toBe(500);
    expect(await reads(attacker, id)).toBe("error");
    await rename(String(before?.["display_name"]));
    expect((await put()).status).toBe(200);
    expect(await reads(attacker, id)).toBe("error");
    const real = await named(name, Role.MEMBER);
    await coffer.sql("update workspace_member set role = 'OPERATOR' where principal_id = $1", [real.principalId]);
    expect((await put()).status).toBe(500);
    await coffer.sql("update workspace_member set role = 'MEMBER' where principal_id = $1", [real.principalId]);
    expect((await put()).status).toBe(200);
    expect(await reads(real, id)).toBe("value");
  });

  it("members of an earlier version have their names once they are signed", async () => {
    const name = newName("earlier");
    const member = await named(name, Role.MEMBER);
    await coffer.sql("update principal set mac = null where principal_id = $1", [member.principalId]);
    const statements = [{ effect: "Allow", actions: ["getSecretValue"], principals: [`user:${name}`] }];
    const { id } = await secretWith([]);
    await expect(setStatements(coffer, id, statements)).rejects.toThrow(/500/);
    await signStoredPrincipals(coffer.deps.deploymentKeys, coffer.deps.database);
    await setStatements(coffer, id, statements);
    expect(await reads(member, id)).toBe("value");
  });

  it("a Deny is for all who have the name, an Allow for one alone; teams and unknown names match nobody", async () => {
    const name = newName("twin");
    const twins = [await named(name), await named(name)];
    const { id } = await secretWith([{ effect: "Deny", actions: ["getSecretValue"], principals: [`user:${name}`] }]);
    for (const twin of twins) expect(await reads(twin, id)).toBe("error");
    await expect(
      setStatements(coffer, id, [{ effect: "Allow", actions: ["read"], principals: [`user:${name}`] }]),
    ).rejects.toThrow(/400.*accessPolicy\.statements\[0\]\.principals\[0\]: several principals have this name/);
    await setStatements(coffer, id, [{ effect: "Deny", principals: ["team:platform", "user:nobody there"] }]);
    for (const twin of twins) expect(await reads(twin, id)).toBe("value");
  });
});

it("statements that deny take the permissions that those which allow take; none is replaced without access.delete", async () => {
  const victim = await operator();
  const scopes = ["secrets.update", "secrets.read", "versions.access", "secrets.use", "access.create"];
  const { id, path } = await secretWith([deny(["getSecretValue"], victim)]);
  const put = (token: string, accessPolicy: unknown) =>
    send({ token }, `PUT ${secretUrl(path)}/policy`, { accessPolicy });
  const statements = [deny(["getSecretValue"], victim)];
  const without = await coffer.tokenWithRole(Role.ADMIN, scopes);
  for (const policy of [null, {}, { statements }, { conditions: [{ type: "ip", effect: "allow", cidrs: ["::1"] }] }]) {
    expect(await put(without, policy)).toMatchObject({
      status: 403,
      body: { message: "permission access.delete is missing" },
    });
  }
  const none = await coffer.tokenWithRole(
    Role.ADMIN,
    scopes.filter((scope) => scope !== "access.create"),
  );
  expect(await put(none, { statements })).toMatchObject({
    status: 403,
    body: { message: "permission access.create is missing" },
  });
  const enough = await coffer.tokenWithRole(Role.ADMIN, [...scopes, "access.delete"]);
  const unused = scopes.filter((scope) => scope !== "secrets.use");
  const fewer = await coffer.tokenWithRole(Role.ADMIN, [...unused, "access.delete"]);
  for (const [token, statement, permission] of [
    [enough, deny(["delete"], victim), "secrets.delete"],
    [enough, deny(undefined, victim), "secrets.list"],
    [fewer, deny(["getSecretValue"], victim), "secrets.use"],
  ] as const) {
    expect(await put(token, { statements: [statement] })).toMatchObject({
      status: 403,
      body: { message: `nobody grants what they do not hold: ${permission}` },
    });
  }
  expect((await put(enough, { statements })).status).toBe(200);
  expect((await errorOf(coffer.clients(victim.token).secrets.getSecretValue(byId(id)))).reason).toBe(
    "ACCESS_POLICY_DENIED",
  );
});

it("coffer.v1 shows statements, and keeps them where it sets conditions", async () => {
  const denied = await operator();
  const statements = [{ ...deny(["getSecretValue"], denied), effect: "DENY" }];
  const { id } = await secretWith(statements);
  await coffer.clients().access.setAccessPolicy({
    ...byId(id),
    accessPolicy: { conditions: [ipIs(ALLOW, "127.0.0.0/8")] },
  });
  const { accessPolicy } = await getSecret(coffer, { id });
  expect(accessPolicy).toMatchObject({ conditions: [{ effect: ALLOW }], statements });
  await coffer.clients().access.setAccessPolicy(byId(id));
  expect((await getSecret(coffer, { id })).accessPolicy).toMatchObject({ conditions: [], statements });
  await expectError(coffer.clients(denied.token).secrets.getSecretValue(byId(id)), policyError(id));
});

it("statements go with the secret where it is renamed, and come back with it where it is undeleted", async () => {
  const [denied, member] = [await operator(), await newMember(coffer)];
  const statements = [
    deny(["getSecretValue"], denied),
    { effect: "Allow", actions: ["getSecretValue"], principals: [member.principalId] },
  ];
  const { id } = await secretWith(statements);
  const check = async () => {
    const read = (token: string) => coffer.clients(token).secrets.getSecretValue(byId(id));
    await expectError(read(denied.token), policyError(id));
    await expect
      .poll(
        () =>
          read(member.token).then(
            () => "value",
            () => "",
          ),
        { timeout: 5_000 },
      )
      .toBe("value");
  };
  await coffer
    .clients()
    .secrets.updateSecret({ secret: { id, name: `/app/${newName()}` }, updateMask: { paths: ["name"] } });
  await check();
  await softDelete(coffer, { id });
  await coffer.clients().secrets.undeleteSecret({ id, newName: `/app/${newName()}` });
  await check();
});

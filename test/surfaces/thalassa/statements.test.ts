// Access policies of statements: rules for the principals they name, at the secret's path, for as long as the secret has it.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { allow, type Member, newMember } from "../../support/access.ts";
import { setPolicy } from "../../support/access-policies.ts";
import { useCoffer } from "../../support/coffer.ts";
import { until } from "../../support/poll.ts";
import { byName, newName, present } from "../../support/secrets.ts";
import { setSecrets } from "../../support/signed-rows.ts";
import {
  base64,
  createThalassa,
  newSecretBody,
  organisationOf,
  secretsUrl,
  secretUrl,
  type ThalassaSecret,
  thalassa,
  thalassaEnv,
} from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

const statement = (actions: string[], ...members: Member[]) => ({
  effect: "allow",
  actions,
  principals: members.map(({ principalId }) => principalId),
});

async function send<T = { message: string }>(request: string, json?: object, token = coffer.ownerToken) {
  const headers = { "x-organisation-identity": await organisationOf(coffer) };
  return thalassa<T>(coffer, request, { token, headers, ...(json ? { json } : {}) });
}

const put = (path: string, accessPolicy: object | null, token?: string) =>
  send<ThalassaSecret & { message: string }>(`PUT ${secretUrl(path)}/policy`, { accessPolicy }, token);

/** Whether the member may see the secret, read its value, add one. */
async function may({ token }: Member, path: string): Promise<boolean[]> {
  const answers = [
    await send(`GET ${secretUrl(path)}`, undefined, token),
    await send(`POST ${secretUrl(path)}/value`, undefined, token),
    await send(`POST ${secretUrl(path)}/versions`, { secretString: base64("new") }, token),
  ];
  for (const { status } of answers) expect([200, 201, 403]).toContain(status);
  return answers.map(({ status }) => status < 300);
}

const rulesOf = async ({ principalId }: Member) => {
  const subject = { case: "principalId", value: principalId } as const;
  return (await coffer.clients().access.listAccessRules({ subject })).accessRules;
};

const idOf = async (path: string) => present((await coffer.clients().secrets.getSecret(byName(path))).secret).id;

describe("statements", () => {
  it("let in whom they name, for what they name, at this path alone; from the beginning or later", async () => {
    const [reader, writer, other] = [await newMember(coffer), await newMember(coffer), await newMember(coffer)];
    const statements = [
      statement(["read", "secrets:getSecretValue"], reader),
      statement(["secret:putSecretValue", "versions.access"], writer, writer),
    ];
    const { path, accessPolicy } = await createThalassa(coffer, { accessPolicy: { statements } });
    const { path: later } = await createThalassa(coffer);
    expect(accessPolicy).toEqual({ statements });
    const { body } = await put(later, { statements });
    expect(body).toMatchObject({ path: later, objectVersion: 2 });
    expect(body.accessPolicy).toEqual({ statements });
    for (const each of [path, later]) {
      expect(await may(reader, each)).toEqual([true, true, false]);
      expect(await may(writer, each)).toEqual([false, true, true]);
      expect(await may(other, each)).toEqual([false, false, false]);
    }
    const { path: elsewhere } = await createThalassa(coffer, { path: `${path}/below` });
    expect(await may(reader, elsewhere)).toEqual([false, false, false]);
    expect(await rulesOf(writer)).toMatchObject(
      [path, later].map((pattern) => ({
        permissions: ["versions.add", "versions.access"],
        pathPatterns: [pattern],
        region: "nl-01",
      })),
    );
  });

  it.each([
    [["*"], ["*"]],
    [["secrets:*"], ["*"]],
    [
      ["create", "list", "update"],
      ["secrets.create", "secrets.list", "secrets.update"],
    ],
    [["delete"], ["secrets.delete", "secrets.purge", "versions.destroy"]],
    [["secrets:read", "read", "secrets.read"], ["secrets.read"]],
    [
      ["secrets:ReadAccess", "versions.*"],
      ["secrets:ReadAccess", "versions.*"],
    ],
  ])("%j are the permissions %j", async (actions, permissions) => {
    const member = await newMember(coffer);
    await createThalassa(coffer, { accessPolicy: { statements: [statement(actions, member)] } });
    expect((await rulesOf(member)).map((rule) => rule.permissions)).toEqual([permissions]);
  });

  it("take the place of earlier ones and of a policy; any policy, and null, takes theirs", async () => {
    const [first, second] = [await newMember(coffer), await newMember(coffer)];
    const closed = { conditions: [{ type: "ip", effect: "deny", cidrs: ["0.0.0.0/0", "::/0"] }] };
    const { path } = await createThalassa(coffer, { accessPolicy: closed });
    expect((await send(`POST ${secretUrl(path)}/value`)).status).toBe(403);
    const open = await put(path, { statements: [statement(["getSecretValue"], first)] });
    expect(open.body.accessPolicy).toEqual({ statements: [statement(["getSecretValue"], first)] });
    expect(await may(first, path)).toEqual([false, true, false]);
    expect((await send(`POST ${secretUrl(path)}/value`)).status).toBe(200);
    await put(path, { statements: [statement(["getSecretValue"], second)] });
    expect([await may(first, path), await may(second, path)]).toEqual([
      [false, false, false],
      [false, true, false],
    ]);
    for (const next of [null, closed]) {
      await put(path, { statements: [statement(["getSecretValue"], first)] });
      expect(await may(first, path)).toEqual([false, true, false]);
      expect((await put(path, next)).status).toBe(200);
      expect([await rulesOf(first), await rulesOf(second)]).toEqual([[], []]);
      expect(await may(first, path)).toEqual([false, false, false]);
    }
    // Rules that were made by themselves stay, as do these where coffer.v1 sets a policy.
    await allow(coffer, first, ["versions.access"], [path]);
    await put(path, { statements: [statement(["read"], second)] });
    await setPolicy(coffer, await idOf(path));
    expect([(await rulesOf(first)).length, (await rulesOf(second)).length]).toEqual([1, 1]);
  });

  it("come once where the request is repeated with its idempotency key", async () => {
    const member = await newMember(coffer);
    const json = newSecretBody({ accessPolicy: { statements: [statement(["read"], member)] } });
    const headers = { "idempotency-key": newName(), "x-organisation-identity": await organisationOf(coffer) };
    const create = () => thalassa(coffer, `POST ${secretsUrl}`, { json, headers });
    expect([(await create()).status, (await create()).status]).toEqual([201, 201]);
    expect(await rulesOf(member)).toHaveLength(1);
  });
});

describe("nobody grants what they do not hold", () => {
  const grant = async (scopes: string[], actions: string[], role: Role = Role.ADMIN) => {
    const token = await coffer.tokenWithRole(role, scopes);
    const member = await newMember(coffer);
    const accessPolicy = { statements: [statement(actions, member)] };
    const { path } = await createThalassa(coffer);
    const body = newSecretBody({ accessPolicy });
    const created = await send(`POST ${secretsUrl}`, body, token);
    const changed = await put(path, accessPolicy, token);
    const isThere = (await send(`GET ${secretUrl(body.path)}`)).status === 200;
    return { created, changed, isThere, rules: await rulesOf(member) };
  };

  it.each<[string, string[], Role, string]>([
    ["an operator", [], Role.OPERATOR, "permission access.create is missing"],
    [
      "who may make no rules",
      ["secrets.create", "secrets.update", "versions.access"],
      Role.ADMIN,
      "permission access.create is missing",
    ],
    [
      "who does not hold what is granted",
      ["secrets.create", "secrets.update", "access.create"],
      Role.ADMIN,
      "nobody grants what they do not hold: versions.access",
    ],
  ])("%s gets 403, and nothing is made", async (_, scopes, role, message) => {
    const { created, changed, isThere, rules } = await grant(scopes, ["getSecretValue"], role);
    for (const { status, body } of [created, changed]) expect([status, body.message]).toEqual([403, message]);
    expect([isThere, rules]).toEqual([false, []]);
  });

  it("who holds it all, and access.create, gets by", async () => {
    const scopes = ["secrets.create", "secrets.update", "access.create", "versions.access"];
    const { created, changed, isThere, rules } = await grant(scopes, ["getSecretValue"]);
    expect([created.status, changed.status, isThere, rules.length]).toEqual([201, 200, true, 2]);
  });

  it("who may delete no rules replaces none", async () => {
    const member = await newMember(coffer);
    const { path } = await createThalassa(coffer, {
      accessPolicy: { statements: [statement(["getSecretValue"], member)] },
    });
    const operator = await coffer.tokenWithRole(Role.OPERATOR);
    expect(await put(path, null, operator)).toMatchObject({
      status: 403,
      body: { message: "permission access.delete is missing" },
    });
    expect(await may(member, path)).toEqual([false, true, false]);
    expect((await send(`GET ${secretUrl(path)}`)).body).toMatchObject({ objectVersion: 1 });
  });
});

it("rules of statements that an earlier version did not store allow what they did, until the next policy", async () => {
  const member = await newMember(coffer);
  const { path } = await createThalassa(coffer, {
    accessPolicy: { statements: [statement(["getSecretValue"], member)] },
  });
  await setSecrets(coffer, "access_policy = null", [await idOf(path)]);
  expect(await may(member, path)).toEqual([false, true, false]);
  expect((await send(`GET ${secretUrl(path)}`)).body).not.toHaveProperty("accessPolicy");
  const scopes = ["secrets.update", "access.create", "versions.access"];
  const without = await coffer.tokenWithRole(Role.ADMIN, scopes);
  expect((await put(path, null, without)).body).toEqual({ message: "permission access.delete is missing" });
  expect((await put(path, null)).status).toBe(200);
  expect(await may(member, path)).toEqual([false, false, false]);
});

describe("whatever takes the path next inherits nothing, where the secret was", () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ["deleted for good", (path) => send(`DELETE ${secretUrl(path)}`)],
    ["soft-deleted", (path) => coffer.clients().secrets.deleteSecret(byName(path))],
    [
      "renamed",
      async (path) =>
        coffer
          .clients()
          .secrets.updateSecret({ secret: { id: await idOf(path), name: newName() }, updateMask: { paths: ["name"] } }),
    ],
    ["expired", async (path) => setSecrets(coffer, "expire_time = now()", [await idOf(path)])],
    [
      "removed by SQL",
      async (path) => {
        const id = await idOf(path);
        await coffer.sql("delete from secret_version where secret_id = $1", [id]);
        await coffer.sql("delete from secret where secret_id = $1", [id]);
      },
    ],
  ])("%s", async (_, free) => {
    const member = await newMember(coffer);
    const accessPolicy = { statements: [statement(["*"], member)] };
    const { path } = await createThalassa(coffer, { accessPolicy });
    expect(await may(member, path)).toEqual([true, true, true]);
    await free(path);
    await createThalassa(coffer, { path });
    expect((await rulesOf(member)).filter(({ pathPatterns }) => pathPatterns.includes(path))).toEqual([]);
    await until("the rules are gone here too", async () => !(await may(member, path)).includes(true));
    expect((await send(`POST ${secretUrl(path)}/value`)).status).toBe(200);
  });
});

it("among changes of one secret at once nothing fails, and no rule is left of a secret that is gone", async () => {
  const member = await newMember(coffer);
  const accessPolicy = { statements: [statement(["read"], member), statement(["getSecretValue"], member)] };
  const { path } = await createThalassa(coffer, { accessPolicy });
  const json = { path, kmsKeyIdentity: "default", secretString: base64("v1"), accessPolicy };
  const changes = [
    () => send(`POST ${secretsUrl}`, json),
    () => put(path, accessPolicy),
    () => put(path, null),
    () => send(`DELETE ${secretUrl(path)}`),
  ];
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all([...changes, ...changes, ...changes].map((change) => change()));
    for (const { status, body } of answers) {
      // A caller that found the secret before it was deleted learns its state.
      if (status === 400) expect(body).toEqual({ message: expect.stringContaining("is deleted") });
      else expect([200, 201, 204, 404, 409]).toContain(status);
    }
  }
  const left = await coffer.sql(
    `select r.rule_id from access_rule r left join secret s on s.secret_id = r.source_secret_id and s.state = 'ACTIVE'
      where r.principal_id = $1 and s.secret_id is null`,
    [member.principalId],
  );
  expect(left).toEqual([]);
  await send(`DELETE ${secretUrl(path)}`);
  expect(await rulesOf(member)).toEqual([]);
});

it("a workspace has at most 10,000 rules, these included: one too many makes no secret and changes none", async () => {
  const member = await newMember(coffer);
  const { path } = await createThalassa(coffer, { accessPolicy: { statements: [statement(["read"], member)] } });
  const count = "select count(*)::int as count from access_rule";
  const [{ count: before } = { count: 0 }] = await coffer.sql(count);
  await coffer.sql(
    `insert into access_rule (workspace_id, rule_id, principal_id, permissions, path_patterns, note, mac)
      select workspace_id, 'filler' || n, 'prn_filler', '{}', '{}', '', '\\x00' from access_rule, generate_series(1, $1) n
      where principal_id = $2`,
    [9_999 - Number(before), member.principalId],
  );
  try {
    const two = { statements: [statement(["list"], member), statement(["update"], member)] };
    const body = newSecretBody({ accessPolicy: two });
    const message = "a workspace has at most 10000 access rules";
    expect((await send(`POST ${secretsUrl}`, body)).body).toEqual({ message });
    expect((await send(`GET ${secretUrl(body.path)}`)).status).toBe(404);
    const three = { statements: [...two.statements, statement(["delete"], member)] };
    expect((await put(path, three)).body).toEqual({ message });
    expect((await rulesOf(member)).map(({ permissions }) => permissions)).toEqual([["secrets.read"]]);
    expect((await put(path, two)).status).toBe(200);
    expect(await rulesOf(member)).toHaveLength(2);
  } finally {
    await coffer.sql("delete from access_rule where principal_id = 'prn_filler'");
  }
});

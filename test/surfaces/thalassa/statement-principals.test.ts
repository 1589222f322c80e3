// The principals of statements and their names; how statements are replaced, shown, and go with their secret.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { signStoredPrincipals } from "../../../src/steps/workspaces/principals.ts";
import { type Member, newMember } from "../../support/access.ts";
import { ALLOW, ipIs, setStatements } from "../../support/access-policies.ts";
import { useCoffer } from "../../support/coffer.ts";
import { errorOf, expectError } from "../../support/errors.ts";
import { byId, getSecret, newName, softDelete } from "../../support/secrets.ts";
import { deny, policyError, statementCalls } from "../../support/statements.ts";
import { secretUrl, thalassaEnv } from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

const { operator, owner, secretWith, send } = statementCalls(coffer);

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

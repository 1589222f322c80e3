// Access rules allow the RPCs on secrets and versions at their paths, on the real servers.
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { SecretState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { allow, createRule, type Member, newMember } from "../../support/access.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, secretNotFound } from "../../support/errors.ts";
import { until } from "../../support/poll.ts";
import { withKey } from "../../support/replay.ts";
import {
  byId,
  byName,
  createSecret,
  data,
  getSecret,
  newName,
  present,
  textOf,
  unknownSecretId,
} from "../../support/secrets.ts";
import { signed } from "../../support/signed-rows.ts";

const coffer = useCoffer({ env: { COFFER_REGIONS: "default,eu-1" } });

const as = ({ token }: Member) => coffer.clients(token);

/** A folder of its own, and a principal that rules allow something below it. */
async function newFolder(permissions: string[], scopes: string[] = [], role: Role = Role.MEMBER) {
  const folder = `/${newName("folder")}`;
  const member = await newMember(coffer, scopes, role);
  await allow(coffer, member, permissions, [`${folder}/*`]);
  return { folder, member, secrets: as(member).secrets };
}

describe("a member allowed to create", () => {
  it("creates below the folder, at any depth, and nowhere else", async () => {
    const { folder, member } = await newFolder(["secrets.create"]);
    for (const path of ["/x", "/y/z"]) {
      expect((await createSecret(coffer, { name: folder + path }, member.token)).path).toBe(folder + path);
    }
    for (const name of [folder, `${folder}x/y`, "/other", "/"]) {
      const call = createSecret(coffer, { name }, member.token);
      if (name !== "/") await expectError(call, denied("secrets.create"));
      else expect((await errorOf(call)).fields).toEqual(["name"]);
    }
    expect(await coffer.sql("select 1 from secret where path like $1 or path = '/other'", [`${folder}x%`])).toEqual([]);
  });

  it("is told of a taken path, with the id of what has it only where it may list", async () => {
    const { folder, member } = await newFolder(["secrets.create"]);
    const { id } = await createSecret(coffer, { name: `${folder}/x` });
    const path = `${folder}/x`;
    const again = () => createSecret(coffer, { name: path }, member.token);
    await expectError(again(), { reason: "NAME_TAKEN", metadata: { path } });
    await allow(coffer, member, ["secrets.list"], [path]);
    await expectError(again(), { reason: "NAME_TAKEN", metadata: { path, id } });
  });

  it("is in the audit trail with the rule, and denied with the permission", async () => {
    const member = await newMember(coffer);
    const folder = `/${newName("folder")}`;
    const rule = await allow(coffer, member, ["secrets.create"], [`${folder}/*`]);
    const { id } = await createSecret(coffer, { name: `${folder}/x` }, member.token);
    const { auditEvents } = await coffer.clients().audit.listAuditEvents({ resourceId: id });
    expect(auditEvents.map((event) => event.rule)).toEqual([`rule:${rule.id}`]);
    await expectError(createSecret(coffer, { name: "/elsewhere" }, member.token), denied("secrets.create"));
    await allow(coffer, member, ["versions.add"], [`${folder}/*`]);
    const hidden = await createSecret(coffer);
    const add = as(member).secrets.addSecretVersion({ ...byId(hidden.id), value: data("v2") });
    await expectError(add, secretNotFound);
    const denials = () =>
      coffer.sql("select rule, result from audit_event where decision = 'DENY' and principal_id = $1 order by rule", [
        member.principalId,
      ]);
    await expect.poll(denials).toEqual([
      { rule: "secrets.create", result: "PERMISSION_MISSING" },
      { rule: "versions.add", result: "PERMISSION_MISSING" },
    ]);
  });
});

/** Every call on one secret, by the permission that it takes. */
const calls: [
  permission: string,
  call: (
    secrets: ReturnType<typeof as>["secrets"],
    ref: ReturnType<typeof byId> | ReturnType<typeof byName>,
    id: string,
  ) => Promise<unknown>,
  onlyById?: boolean,
][] = [
  ["secrets.read", (secrets, ref) => secrets.getSecret(ref)],
  ["versions.access", (secrets, ref) => secrets.getSecretValue(ref)],
  ["versions.read", (secrets, ref) => secrets.getSecretVersion({ ...ref, version: "1" })],
  ["versions.read", (secrets, ref) => secrets.listSecretVersions(ref)],
  ["versions.add", (secrets, ref) => secrets.addSecretVersion({ ...ref, value: data("v2") })],
  ["versions.disable", (secrets, ref) => secrets.disableSecretVersion({ ...ref, version: "1" })],
  ["versions.enable", (secrets, ref) => secrets.enableSecretVersion({ ...ref, version: "1" })],
  ["versions.destroy", (secrets, ref) => secrets.destroySecretVersion({ ...ref, version: "1" })],
  ["secrets.delete", (secrets, ref) => secrets.deleteSecret(ref)],
  ["secrets.update", (secrets, _, id) => secrets.updateSecret({ secret: { id, description: "d" } }), true],
];

describe.each(calls.map(([permission, call, onlyById = false], index) => ({ permission, call, onlyById, index })))(
  "a call that takes $permission ($index)",
  ({ permission, call, onlyById }) => {
    it("is allowed below the folder, by id and by name", async () => {
      const { folder, secrets } = await newFolder([permission]);
      const { id } = await createSecret(coffer, { name: `${folder}/x` });
      expect(await call(secrets, byId(id), id)).toBeDefined();
      const { id: other, name } = await createSecret(coffer, { name: `${folder}/y` });
      if (!onlyById) expect(await call(secrets, byName(name), other)).toBeDefined();
    });

    it("is denied elsewhere: by name whatever exists, by id as if there were none, unless the caller may see it", async () => {
      const { member, secrets } = await newFolder([permission]);
      const { id, name, etag } = await createSecret(coffer, { name: `/outside/${newName()}` });
      if (!onlyById) await expectError(call(secrets, byName(name), id), denied(permission));
      if (!onlyById) await expectError(call(secrets, byName(`/outside/${newName()}`), id), denied(permission));
      await expectError(call(secrets, byId(id), id), secretNotFound);
      await expectError(call(secrets, byId(unknownSecretId), unknownSecretId), secretNotFound);
      if (permission !== "secrets.read") {
        await allow(coffer, member, ["secrets.read"], ["/outside/*"]);
        await expectError(call(secrets, byId(id), id), denied(permission));
        await expectError(call(secrets, byId(unknownSecretId), unknownSecretId), secretNotFound);
      }
      expect(await getSecret(coffer, { id })).toMatchObject({ etag, versionCount: 1, enabledVersionCount: 1 });
    });

    it("names the permission, whatever exists, where no rule gives it at all", async () => {
      const { secrets } = await newFolder(["secrets.undelete"]);
      const { id } = await createSecret(coffer);
      for (const each of [id, unknownSecretId]) await expectError(call(secrets, byId(each), each), denied(permission));
    });
  },
);

describe("values", () => {
  it("leave with an audit event that names the rule", async () => {
    const folder = `/${newName("folder")}`;
    const member = await newMember(coffer);
    const rule = await allow(coffer, member, ["versions.access"], [`${folder}/*`]);
    const { id } = await createSecret(coffer, { name: `${folder}/x` });
    expect(textOf(await as(member).secrets.getSecretValue(byId(id)))).toBe("v1");
    const events = await coffer.sql(
      "select rule, result from audit_event where resource_id = $1 and principal_id = $2",
      [id, member.principalId],
    );
    expect(events).toEqual([{ rule: `rule:${rule.id}`, result: "OK" }]);
  });

  it("in a batch are judged each by itself, and denials audited", async () => {
    const { folder, member, secrets } = await newFolder(["versions.access"]);
    const inside = await createSecret(coffer, { name: `${folder}/x` });
    const outside = await createSecret(coffer, { name: `/outside/${newName()}` });
    const requests = [byId(inside.id), byName(outside.name), byId(outside.id), byName(inside.name)];
    const { results } = await secrets.batchGetSecretValues({ requests });
    const said = results.map(({ result }) => (result.case === "value" ? textOf(result.value) : result.value?.message));
    expect(said).toEqual(["v1", "permission versions.access is missing", "there is no such secret", "v1"]);
    const denials = await coffer.sql(
      "select rule from audit_event where decision = 'DENY' and principal_id = $1 order by rule",
      [member.principalId],
    );
    expect(denials).toEqual([{ rule: "versions.access" }, { rule: "versions.access" }]);
    const nobody = await newMember(coffer);
    await expectError(as(nobody).secrets.batchGetSecretValues({ requests }), denied("versions.access"));
  });
});

describe("trying a credential", () => {
  it("takes secrets.use at the path, before anything else is looked at", async () => {
    const { folder, secrets } = await newFolder(["secrets.use"]);
    const { id } = await createSecret(coffer, { name: `${folder}/x` });
    const outside = await createSecret(coffer);
    await expectError(secrets.validateCredential(byId(id)), { reason: "VALIDATION_OFF" });
    await expectError(secrets.validateCredential(byId(outside.id)), secretNotFound);
    await expectError(secrets.validateCredential(byName(outside.name)), denied("secrets.use"));
  });
});

describe("deleting", () => {
  it("by force takes all three permissions at the path", async () => {
    const { folder, member, secrets } = await newFolder(["secrets.delete", "versions.destroy", "secrets.read"]);
    const { id, name } = await createSecret(coffer, { name: `${folder}/x` });
    await expectError(secrets.deleteSecret({ ...byId(id), force: true }), denied("secrets.purge"));
    await allow(coffer, member, ["secrets.purge"], ["/elsewhere/*"]);
    await expectError(secrets.deleteSecret({ ...byName(name), force: true }), denied("secrets.purge"));
    await expectError(secrets.deleteSecret({ ...byId(id), force: true }), denied("secrets.purge"));
    expect((await getSecret(coffer, { id })).state).toBe(SecretState.ACTIVE);
    await allow(coffer, member, ["secrets.purge"], [name]);
    expect((await secrets.deleteSecret({ ...byId(id), force: true })).secret?.state).toBe(SecretState.SOFT_DELETED);
  });

  it("is taken back where undeleting is allowed, also at a new name", async () => {
    const { folder, secrets } = await newFolder(["secrets.delete", "secrets.undelete"]);
    const { id } = await createSecret(coffer, { name: `${folder}/x` });
    await secrets.deleteSecret(byId(id));
    await expectError(secrets.undeleteSecret({ id, newName: "/outside/x" }), denied("secrets.undelete"));
    expect((await secrets.undeleteSecret({ id, newName: `${folder}/y` })).secret?.path).toBe(`${folder}/y`);
    const outside = await createSecret(coffer);
    await coffer.clients().secrets.deleteSecret(byId(outside.id));
    await expectError(secrets.undeleteSecret({ id: outside.id }), secretNotFound);
  });
});

describe("a rename", () => {
  it("takes the permission at the old path and at the new one", async () => {
    const { folder, member, secrets } = await newFolder(["secrets.update", "secrets.read"]);
    const { id } = await createSecret(coffer, { name: `${folder}/x` });
    const rename = (name: string) => secrets.updateSecret({ secret: { id, name } });
    await expectError(rename("/outside/x"), denied("secrets.update"));
    const { path } = await createSecret(coffer, { name: `/outside/${newName()}` });
    await expectError(rename(path), denied("secrets.update"));
    expect((await rename(`${folder}/y`)).secret?.path).toBe(`${folder}/y`);
    await coffer.clients().secrets.updateSecret({ secret: { id, name: `/outside/${newName()}` } });
    await expectError(rename(`${folder}/z`), secretNotFound);
    await allow(coffer, member, ["secrets.read"], ["/outside/*"]);
    await expectError(rename(`${folder}/z`), denied("secrets.update"));
  });

  it("takes what was allowed by the old path away, and gives what is allowed by the new one", async () => {
    const { folder, secrets } = await newFolder(["versions.access"]);
    const { id, name } = await createSecret(coffer);
    await expectError(secrets.getSecretValue(byId(id)), secretNotFound);
    await coffer.clients().secrets.updateSecret({ secret: { id, name: `${folder}/x` } });
    expect(textOf(await secrets.getSecretValue(byId(id)))).toBe("v1");
    await coffer.clients().secrets.updateSecret({ secret: { id, name } });
    await expectError(secrets.getSecretValue(byId(id)), secretNotFound);
  });
});

describe("a rename at the same time", () => {
  /** Renames while a call waits for the row that it has judged already. */
  async function renamedUnder(id: string, path: string, call: () => Promise<unknown>) {
    const rowMac = await signed(coffer, id, { name: path, path });
    const client = new Client(coffer.databaseUrl);
    await client.connect();
    try {
      await client.query("begin");
      // Reads of values wait here: after the secret was found and authorized.
      await client.query("lock table secret_version in access exclusive mode");
      await client.query("update secret set name = $2, path = $2, row_mac = $3 where secret_id = $1", [
        id,
        path,
        rowMac,
      ]);
      const outcome = errorOf(call());
      const isWaiting =
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      await until("the call waits for the row", async () => (await coffer.sql(isWaiting)).length > 0);
      await client.query("commit");
      return await outcome;
    } finally {
      await client.end();
    }
  }

  it.each([
    ["versions.add", (secrets, id) => secrets.addSecretVersion({ ...byId(id), value: data("v2") })],
    ["versions.destroy", (secrets, id) => secrets.destroySecretVersion({ ...byId(id), version: "1" })],
    ["secrets.delete", (secrets, id) => secrets.deleteSecret(byId(id))],
    ["secrets.update", (secrets, id) => secrets.updateSecret({ secret: { id, description: "d" } })],
  ] as [string, (secrets: ReturnType<typeof as>["secrets"], id: string) => Promise<unknown>][])(
    "out of the folder leaves a call that takes %s without effect",
    async (permission, call) => {
      const { folder, secrets } = await newFolder([permission]);
      const { id, etag } = await createSecret(coffer, { name: `${folder}/x` });
      const seen = await renamedUnder(id, `/outside/${newName()}`, () => call(secrets, id));
      expect(seen).toMatchObject(secretNotFound);
      expect(await getSecret(coffer, { id })).toMatchObject({ etag, versionCount: 1, state: SecretState.ACTIVE });
    },
  );

  it("out of the folder keeps the value from who may read it only there", async () => {
    const { folder, secrets } = await newFolder(["versions.access"]);
    const { id } = await createSecret(coffer, { name: `${folder}/x` });
    const outside = `/outside/${newName()}`;
    expect(await renamedUnder(id, outside, () => secrets.getSecretValue(byId(id)))).toMatchObject(secretNotFound);
    const events = await coffer.sql(
      "select 1 from audit_event where resource_id = $1 and method like '%GetSecretValue'",
      [id],
    );
    expect(events).toEqual([]);
  });
});

describe("lists", () => {
  it("hold what may be listed and read, on full pages", async () => {
    const { folder, member, secrets } = await newFolder(["secrets.list", "secrets.read"]);
    const names = Array.from({ length: 7 }, (_, index) => `${folder}/a${index}`);
    for (const name of names) await createSecret(coffer, { name });
    for (const name of [`${folder}-x/a`, `/aaa/${newName()}`, `/zzz/${newName()}`, folder])
      await createSecret(coffer, { name });
    const seen: string[][] = [];
    let pageToken = "";
    do {
      const page = await secrets.listSecrets({ pageSize: 3, pageToken });
      seen.push(page.secrets.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual([names.slice(0, 3), names.slice(3, 6), names.slice(6)]);
    expect((await secrets.listSecrets({ namePrefix: "/zzz" })).secrets).toEqual([]);
    await allow(coffer, member, ["secrets.list"], ["/zzz/*"]);
    expect((await secrets.listSecrets({ namePrefix: "/zzz" })).secrets).toEqual([]);
    await allow(coffer, member, ["secrets.read"], ["/*z/name-*"]);
    expect((await secrets.listSecrets({ namePrefix: "/zzz" })).secrets.length).toBeGreaterThan(0);
  });

  it("are denied where nothing may be listed", async () => {
    const { secrets } = await newFolder(["secrets.read"]);
    await expectError(secrets.listSecrets({}), denied("secrets.list"));
  });
});

describe("a rule", () => {
  it("for a role is for all who have exactly this role", async () => {
    const folder = `/${newName("folder")}`;
    const { id } = await createSecret(coffer, { name: `${folder}/x` });
    const rule = await createRule(coffer, {
      subject: { case: "role", value: Role.VIEWER },
      permissions: ["versions.access"],
      pathPatterns: [`${folder}/*`],
    });
    const read = async (role: Role) => as(await newMember(coffer, [], role)).secrets.getSecretValue(byId(id));
    expect(textOf(await read(Role.VIEWER))).toBe("v1");
    await expectError(read(Role.MEMBER), denied("versions.access"));
    await coffer.clients().access.deleteAccessRule({ id: rule.id });
    await expectError(read(Role.VIEWER), denied("versions.access"));
  });

  it("for a region is for no other", async () => {
    const member = await newMember(coffer);
    const subject = { case: "principalId", value: member.principalId } as const;
    await createRule(coffer, { subject, permissions: ["secrets.*"], region: "eu-1" });
    const name = newName();
    expect((await createSecret(coffer, { name, region: "eu-1" }, member.token)).region).toBe("eu-1");
    await expectError(createSecret(coffer, { name }, member.token), denied("secrets.create"));
    await createSecret(coffer, { name });
    const { secrets } = await as(member).secrets.listSecrets({});
    expect(secrets.map(({ region }) => region)).toEqual(["eu-1"]);
    const held = async (region: string) =>
      (await as(member).access.testPermissions({ permissions: ["secrets.read"], path: "/x", region })).permissions;
    expect([await held("eu-1"), await held("default")]).toEqual([["secrets.read"], []]);
  });

  it("without patterns is for every path", async () => {
    const member = await newMember(coffer);
    await allow(coffer, member, ["versions.access"]);
    const { id } = await createSecret(coffer);
    expect(textOf(await as(member).secrets.getSecretValue(byId(id)))).toBe("v1");
  });

  it("is narrowed by the scopes of a token", async () => {
    const { folder, secrets } = await newFolder(["secrets.*", "versions.*"], ["secrets:ReadAccess"]);
    const { id, name } = await createSecret(coffer, { name: `${folder}/x` });
    expect((await secrets.getSecret(byName(name))).secret?.id).toBe(id);
    await expectError(secrets.getSecretValue(byId(id)), denied("versions.access"));
  });

  it("works only in its workspace", async () => {
    const member = await newMember(coffer);
    const away = await coffer.clients().workspaces.createWorkspace({ displayName: "away" });
    await createRule(
      coffer,
      { subject: { case: "principalId", value: member.principalId }, permissions: ["*"] },
      away.ownerToken,
    );
    await expectError(createSecret(coffer, {}, member.token), denied("secrets.create"));
  });
});

describe("a replay", () => {
  it("is judged again, at the path where the secret is now", async () => {
    const member = await newMember(coffer);
    const folder = `/${newName("folder")}`;
    const { id: ruleId } = await allow(coffer, member, ["secrets.create", "versions.add"], [`${folder}/*`]);
    const create = () =>
      withKey(`create ${folder}`, (options) =>
        as(member).secrets.createSecret({ name: `${folder}/x`, value: data("v") }, options),
      );
    const { id } = present((await create()).answer.secret);
    const add = () =>
      withKey(`add ${folder}`, (options) =>
        as(member).secrets.addSecretVersion({ ...byName(`${folder}/x`), value: data("v2") }, options),
      );
    await add();
    expect((await create()).replayed).toBe(true);
    expect((await add()).replayed).toBe(true);
    await coffer.clients().secrets.updateSecret({ secret: { id, name: `/outside/${newName()}` } });
    await expectError(create(), secretNotFound);
    await expectError(add(), secretNotFound);
    await coffer.clients().secrets.updateSecret({ secret: { id, name: `${folder}/x` } });
    expect((await create()).replayed).toBe(true);
    await coffer.clients().access.deleteAccessRule({ id: ruleId });
    await expectError(create(), denied("secrets.create"));
    await expectError(add(), denied("versions.add"));
  });
});

// After SQL changes a column that decides who gets which value, no value of the secret leaves, and coffer never signs the change.
import { beforeAll, describe, expect, it } from "vitest";
import { SecretState } from "../../gen/coffer/v1/secret_pb.ts";
import { EgressUnmatched } from "../../gen/coffer/v1/workspace_service_pb.ts";
import { expireSecrets } from "../../src/jobs/expire-secrets.ts";
import { openForEgress } from "../../src/operations/egress/open-for-egress.ts";
import { findSecret } from "../../src/store/find-secrets.ts";
import { secretTable } from "../../src/store/rows/secret.ts";
import type { Column } from "../../src/store/rows/table.ts";
import { allow, newMember } from "../support/access.ts";
import { useCoffer } from "../support/coffer.ts";
import { createEgressSecret } from "../support/egress-secrets.ts";
import { expectError, expectErrors } from "../support/errors.ts";
import { run, systemEvents } from "../support/jobs.ts";
import { sandboxCalls } from "../support/sandboxes.ts";
import { addVersion, byId, byName, createSecret, data, newName, present, readText } from "../support/secrets.ts";
import { anotherValue, dropRefusals } from "../support/tampering.ts";

const coffer = useCoffer();
const { createSandbox, bind, authenticated } = sandboxCalls(coffer);
const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT", metadata: { record: "secret" } };
const secretIs = (id: string) => `where secret_id = '${id}'`;

/** A secret with two versions, an alias and an end, sent by the proxy for a sandbox of its own. */
async function victim() {
  const secret = await createEgressSecret(coffer, {
    name: newName("app/victim"),
    value: data("the-value-1"),
    expiration: { case: "ttl", value: { seconds: 3600n } },
  });
  await addVersion(coffer, secret, "the-value-2");
  await coffer.clients().secrets.updateSecret({ secret: { id: secret.id, versionAliases: { old: 1 } } });
  const { id: sandboxId, token } = await createSandbox();
  await bind(sandboxId, "KEY", secret.id);
  return { id: secret.id, name: secret.name, sandboxToken: token };
}

/** Returns the value that the proxy would write into a request; undefined when the binding does not work. */
async function sentByProxy(sandboxToken: string): Promise<string | undefined> {
  const sandbox = present(await authenticated(sandboxToken));
  const [binding] = sandbox.bindings;
  if (!binding?.rule) return undefined;
  const opened = await openForEgress(coffer.deps, sandbox, binding, { requestId: "r", address: "192.0.2.1" });
  return Buffer.from(opened.value.reveal()).toString();
}

const columns: readonly Column<unknown, string>[] = Object.values(secretTable.columns);
const covered = columns.filter(({ macs }) => macs.includes("row_mac")).map(({ column }) => column);

describe("a covered column of a secret that SQL changed", () => {
  beforeAll(() => dropRefusals(coffer));

  it.each(covered)("(%s) lets no value leave, by no way, until it is as it was", async (column) => {
    const { id, name, sandboxToken } = await victim();
    const { secrets } = coffer.clients();
    const [before] = await coffer.sql(`select * from secret ${secretIs(id)}`);
    const { another } = await anotherValue(coffer, "secret", column);
    await coffer.sql(`update secret set ${column} = ${another} ${secretIs(id)}`);
    const idNow = column === "secret_id" ? `${id}x` : id;
    const ids = [...new Set([id, idNow])];
    const reads = [
      ...ids.flatMap((each) =>
        ["", "1", "2", "old"].map((version) => secrets.getSecretValue({ ...byId(each), version })),
      ),
      secrets.getSecretValue(byName(name)),
      secrets.getSecretValue(byName(`${name}x`)),
      secrets.addSecretVersion({ ...byId(id), value: data("v3") }),
      secrets.updateSecret({ secret: { id, description: "d" } }),
      secrets.disableSecretVersion({ ...byId(id), version: "2" }),
      secrets.undeleteSecret({ id }),
      secrets.getSecret(byId(id)),
    ];
    for (const outcome of await Promise.allSettled(reads)) {
      expect(outcome.status).toBe("rejected");
      expect(JSON.stringify(outcome, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
        "the-value",
      );
    }
    expect(await sentByProxy(sandboxToken).catch(() => undefined)).toBeUndefined();
    const listed = await secrets.listSecrets({
      states: [SecretState.ACTIVE, SecretState.SOFT_DELETED],
      pageSize: 1000,
    });
    expect(listed.secrets.map((secret) => secret.id)).not.toContain(id);
    // As coffer wrote it, it works again: the test sees a difference.
    await coffer.sql(`update secret set ${column} = $1 ${secretIs(idNow)}`, [
      column === "version_aliases" ? JSON.stringify(before?.[column]) : before?.[column],
    ]);
    expect(await readText(coffer, { id })).toBe("the-value-2");
    expect(await sentByProxy(sandboxToken)).toBe("the-value-2");
  });

  it("is in the audit trail, whichever call came upon it", async () => {
    const { id } = await createSecret(coffer);
    await coffer.sql(`update secret set path = '/app/x', name = 'app/x' ${secretIs(id)}`);
    const { secrets } = coffer.clients();
    await expectError(secrets.getSecret(byId(id)), corrupt);
    await coffer.deps.audit.drain();
    await secrets.listSecrets({ pageSize: 1000 });
    const events = await coffer.sql(
      "select method, result from audit_event where resource_id = $1 and result <> 'OK' order by event_time",
      [id],
    );
    expect(events).toEqual([
      { method: "coffer.v1.SecretService/GetSecret", result: "VALUE_CORRUPT" },
      { method: "coffer.v1.SecretService/ListSecrets", result: "VALUE_CORRUPT" },
    ]);
    await coffer.sql(`delete from secret_version ${secretIs(id)}`);
    await coffer.sql(`delete from secret ${secretIs(id)}`);
  });
});

describe("a member with a rule at /app/*", () => {
  it("gets nothing of a secret that SQL moved there: no value, no entry of a list, no change, no binding", async () => {
    const { id } = await createEgressSecret(coffer, { name: newName("prod/db"), value: data("of-production") });
    const member = await newMember(coffer);
    await allow(coffer, member, ["secrets.*", "versions.*"], ["/app/*"]);
    await coffer.sql(`update secret set name = 'app/db', path = '/app/db' ${secretIs(id)}`);
    const { secrets } = coffer.clients(member.token);
    const calls = [byId(id), byName("app/db")].flatMap((which) => [
      secrets.getSecretValue(which),
      secrets.getSecret(which),
      secrets.listSecretVersions(which),
      secrets.addSecretVersion({ ...which, value: data("mine") }),
      secrets.disableSecretVersion({ ...which, version: "1" }),
      secrets.deleteSecret(which),
    ]);
    await expectErrors(calls, { reason: "VALUE_CORRUPT" });
    await expectError(secrets.updateSecret({ secret: { id, name: "app/mine" } }), corrupt);
    const batch = await secrets.batchGetSecretValues({ requests: [byId(id), byName("app/db")] });
    expect(batch.results.map(({ result }) => result.case)).toEqual(["error", "error"]);
    expect((await secrets.listSecrets({})).secrets.map((secret) => secret.id)).not.toContain(id);
    expect((await getSecretRow(id))?.["version_count"]).toBe(1);
  });

  it("cannot have its value served as another's", async () => {
    const member = await newMember(coffer);
    await allow(coffer, member, ["secrets.create"], ["/app/*"]);
    const trusted = await createSecret(coffer, { name: newName("prod/url"), value: data("https://trusted") });
    const planted = await coffer
      .clients(member.token)
      .secrets.createSecret({ name: newName("app/url"), value: data("https://evil") });
    await coffer.sql(`update secret set name = 'prod/moved', path = '/prod/moved' ${secretIs(trusted.id)}`);
    await coffer.sql(`update secret set name = $1, path = '/' || $1 ${secretIs(present(planted.secret).id)}`, [
      trusted.name,
    ]);
    await expectError(coffer.clients().secrets.getSecretValue(byName(trusted.name)), corrupt);
  });
});

describe("a row that does not authenticate", () => {
  it("expires all the same, on record, and nothing of it comes back", async () => {
    const { id, name } = await createSecret(coffer);
    await coffer.sql(`update secret set expire_time = now() - interval '1 minute' ${secretIs(id)}`);
    expect(await run(coffer, expireSecrets)).toMatchObject({ items: 1 });
    expect(await run(coffer, expireSecrets)).toMatchObject({ items: 0 });
    expect(await systemEvents(coffer, id)).toMatchObject([{ result: "VALUE_CORRUPT" }]);
    await expectError(coffer.clients().secrets.undeleteSecret({ id }), corrupt);
    await coffer.sql(`update secret set state = 'ACTIVE', expire_time = null ${secretIs(id)}`);
    await expectError(coffer.clients().secrets.getSecretValue(byId(id)), corrupt);
    await coffer.sql(`update secret set expire_time = now() ${secretIs(id)}`);
    expect((await createSecret(coffer, { name })).id).not.toBe(id);
  });

  it("with an expire time that is not a date is VALUE_CORRUPT, not INTERNAL", async () => {
    const { id } = await createSecret(coffer);
    await coffer.sql(`update secret set expire_time = 'infinity' ${secretIs(id)}`);
    await expectError(coffer.clients().secrets.getSecretValue(byId(id)), corrupt);
    await coffer.sql(`delete from secret_version ${secretIs(id)}`);
    await coffer.sql(`delete from secret ${secretIs(id)}`);
  });
});

describe("a version that SQL changed", () => {
  it.each([
    ["disabled the newest", "update secret_version set state = 'DISABLED' where secret_id = $1 and version_number = 3"],
    ["took the newest away", "delete from secret_version where secret_id = $1 and version_number = 3"],
    [
      "enabled a disabled one",
      "update secret_version set state = 'ENABLED' where secret_id = $1 and version_number = 1",
    ],
  ])("(%s) is not vouched for by the next change of another one", async (_what, change) => {
    const secret = await createSecret(coffer);
    for (const text of ["v2", "v3"]) await addVersion(coffer, secret, text);
    const { secrets } = coffer.clients();
    await secrets.disableSecretVersion({ ...byId(secret.id), version: "1" });
    await coffer.sql(change, [secret.id]);
    await Promise.allSettled([
      secrets.disableSecretVersion({ ...byId(secret.id), version: "2" }),
      secrets.enableSecretVersion({ ...byId(secret.id), version: "1" }),
      secrets.destroySecretVersion({ ...byId(secret.id), version: "2" }),
    ]);
    // Never an older one as the latest.
    expect(present(await find(secret.id)).currentVersion).toBe(3);
    const [read] = await Promise.allSettled([readText(coffer, secret)]);
    expect(read.status === "fulfilled" ? read.value : "v3").toBe("v3");
  });
});

describe("a workspace that SQL opened", () => {
  it("lets sandboxes go nowhere else, and takes no new MAC", async () => {
    const { token, id } = await createSandbox();
    const { workspaces, tokens } = coffer.clients();
    const { workspaceId } = await tokens.whoAmI({});
    await coffer.sql("update workspace set egress_unmatched = 'ALLOW'");
    expect((await authenticated(token))?.unmatched).toBe("DENY");
    await expectError(workspaces.updateWorkspace({ workspace: { displayName: "x" } }), {
      ...corrupt,
      metadata: { record: "workspace" },
    });
    await coffer.sql("update workspace set egress_unmatched = 'DENY'");
    await workspaces.updateWorkspace({ workspace: { egressUnmatched: EgressUnmatched.ALLOW } });
    expect((await authenticated(token))?.unmatched).toBe("ALLOW");
    await coffer.sql("update workspace set mac = null");
    expect((await authenticated(token))?.unmatched).toBe("DENY");
    expect([id, workspaceId]).not.toContain("");
  });
});

async function getSecretRow(id: string) {
  return (await coffer.sql(`select * from secret ${secretIs(id)}`))[0];
}

async function find(id: string) {
  const { workspaceId } = await coffer.clients().tokens.whoAmI({});
  return findSecret(coffer.deps.database, workspaceId, { by: "id", secretId: id });
}

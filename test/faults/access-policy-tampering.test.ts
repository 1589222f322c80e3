// An access policy that SQL set, changed or took away opens nothing: the value stays, and the audit trail says why.
import { describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { newMember } from "../support/access.ts";
import {
  ALLOW,
  believingEnv,
  DENY,
  deniedBy,
  elsewhere,
  ipIs,
  office,
  onlyOffice,
  secretsFrom,
  setPolicy,
  setStatements,
} from "../support/access-policies.ts";
import { useCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { byId, createSecret, data, getSecret, textOf } from "../support/secrets.ts";

const coffer = useCoffer({ env: believingEnv });
const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT", metadata: { record: "secret" } };
const anybody = '{"conditions":[{"type":"ip","effect":"allow","cidrs":["0.0.0.0/0"]}]}';

async function lastResult(id: string, method: string): Promise<unknown> {
  const [event] = await coffer.sql(
    "select result from audit_event where resource_id = $1 and method like $2 order by event_time desc, event_id desc limit 1",
    [id, `%/${method}`],
  );
  return event?.["result"];
}

/** From wherever it is called: nothing is read, added or signed anew. */
async function expectUseless(id: string): Promise<void> {
  for (const address of [office, elsewhere]) {
    const secrets = secretsFrom(coffer, address);
    await expectError(secrets.getSecretValue(byId(id)), corrupt);
    expect(await lastResult(id, "GetSecretValue")).toBe("VALUE_CORRUPT");
    await expectError(secrets.addSecretVersion({ ...byId(id), value: data("v2") }), corrupt);
    expect(await lastResult(id, "AddSecretVersion")).toBe("VALUE_CORRUPT");
  }
  await expectError(setPolicy(coffer, id, onlyOffice), corrupt);
  await expectError(setPolicy(coffer, id), corrupt);
  expect(await lastResult(id, "SetAccessPolicy")).toBe("VALUE_CORRUPT");
}

describe("a policy that SQL", () => {
  it.each<[string, string | null]>([
    ["nulled", null],
    ["widened", anybody],
    ["wrote otherwise", '{"conditions": [{"type":"ip","effect":"allow","cidrs":["203.0.113.0/24"]}]}'],
    ["emptied", '{"conditions":[]}'],
    ["made nonsense of", "nonsense"],
  ])("%s", async (_, text) => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    const [before] = await coffer.sql("select access_policy from secret where secret_id = $1", [id]);
    await coffer.sql("update secret set access_policy = $2 where secret_id = $1", [id, text]);
    await expectUseless(id);
    // As coffer wrote it, it works again: the test sees a difference.
    await coffer.sql("update secret set access_policy = $2 where secret_id = $1", [id, before?.["access_policy"]]);
    expect(textOf(await secretsFrom(coffer, office).getSecretValue(byId(id)))).toBe("v1");
    expect(await getSecret(coffer, { id })).toMatchObject({ versionCount: 1, etag: "1" });
  });

  it("set on a secret that has none", async () => {
    const { id } = await createSecret(coffer);
    await coffer.sql("update secret set access_policy = $2 where secret_id = $1", [id, anybody]);
    await expectUseless(id);
  });

  it("copied from another secret, with its MAC", async () => {
    const { id } = await createSecret(coffer, { accessPolicy: { conditions: [ipIs(DENY, "0.0.0.0/0")] } });
    const other = await createSecret(coffer, { accessPolicy: { conditions: [ipIs(ALLOW, "0.0.0.0/0")] } });
    await coffer.sql(
      `update secret s set access_policy = o.access_policy, row_mac = o.row_mac from secret o
        where s.secret_id = $1 and o.secret_id = $2`,
      [id, other.id],
    );
    await expectUseless(id);
  });
});

describe("a statement that denies, which SQL", () => {
  const statementOf = (principalId: string, effect = "Deny") => ({
    effect,
    actions: ["getSecretValue"],
    principals: [principalId],
  });

  it.each<[string, string]>([
    ["took away", "null"],
    ["made an Allow", "replace(access_policy, '\"Deny\"', '\"Allow\"')"],
    [
      "moved to another principal",
      "regexp_replace(access_policy, 'prn_[0-9a-z]+', 'prn_01jzzzzzzzzzzzzzzzzzzzzzzz', 'g')",
    ],
    ["kept for its name only", "regexp_replace(access_policy, '\"principalIds\":\\[[^]]*\\]', '\"principalIds\":[]')"],
    ["gave another action", "replace(access_policy, 'getSecretValue', 'delete')"],
  ])("%s, opens nothing; as coffer wrote it, it denies", async (_, change) => {
    const { principalId, token } = await newMember(coffer, [], Role.OPERATOR);
    const { id, path } = await createSecret(coffer);
    await setStatements(coffer, id, [statementOf(principalId)]);
    const read = () => coffer.clients(token).secrets.getSecretValue(byId(id));
    const [before] = await coffer.sql("select access_policy from secret where secret_id = $1", [id]);
    await coffer.sql(`update secret set access_policy = ${change} where secret_id = $1`, [id]);
    const [after] = await coffer.sql("select access_policy from secret where secret_id = $1", [id]);
    expect(after).not.toEqual(before);
    await expectError(read(), corrupt);
    await expectError(coffer.clients().secrets.getSecretValue(byId(id)), corrupt);
    const permissions = ["versions.access", "secrets.read"];
    const { access } = coffer.clients(token);
    expect((await access.testPermissions({ path, permissions })).permissions).toEqual([]);
    await coffer.sql("update secret set access_policy = $2 where secret_id = $1", [id, before?.["access_policy"]]);
    await expectError(read(), deniedBy(id, "statements[0]"));
  });

  it("put on another secret with its MAC, or whose rules it gave to another principal, opens nothing", async () => {
    const [denied, member] = [await newMember(coffer, [], Role.OPERATOR), await newMember(coffer)];
    const one = await createSecret(coffer);
    const other = await createSecret(coffer);
    await setStatements(coffer, one.id, [statementOf(denied.principalId)]);
    await setStatements(coffer, other.id, [statementOf(denied.principalId, "Allow")]);
    await coffer.sql("update access_rule set principal_id = $1 where source_secret_id = $2", [
      member.principalId,
      other.id,
    ]);
    const read = (token: string, id: string) => coffer.clients(token).secrets.getSecretValue(byId(id));
    await expectError(read(member.token, other.id), { reason: "PERMISSION_MISSING" });
    await coffer.sql(
      "update secret s set access_policy = o.access_policy, row_mac = o.row_mac from secret o where s.secret_id = $1 and o.secret_id = $2",
      [one.id, other.id],
    );
    await expectError(read(denied.token, one.id), corrupt);
  });
});

describe("the MAC of a secret without a policy", () => {
  it("is the same before it had one and after it was cleared", async () => {
    const { id } = await createSecret(coffer);
    const mac = async () => (await coffer.sql("select row_mac from secret where secret_id = $1", [id]))[0]?.["row_mac"];
    const before = await mac();
    await setPolicy(coffer, id, onlyOffice);
    expect(await mac()).not.toEqual(before);
    await setPolicy(coffer, id);
    expect(await mac()).toEqual(before);
  });
});

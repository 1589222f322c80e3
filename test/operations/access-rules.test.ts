// Access rules across two instances, and changed behind coffer's back: deny stays deny.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allow, type Member, newMember } from "../support/access.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { denied, expectError } from "../support/errors.ts";
import { entryOf, type JwtIssuer, startIssuer, writeIssuersFile } from "../support/jwt-issuer.ts";
import { until } from "../support/poll.ts";

let here: TestCoffer;
let there: TestCoffer;
let issuer: JwtIssuer;
let removeFile: () => void;
beforeAll(async () => {
  issuer = await startIssuer();
  const { path, remove } = writeIssuersFile({ issuers: [entryOf(issuer)] });
  removeFile = remove;
  const env = { COFFER_JWT_ISSUERS_FILE: path };
  here = await startCoffer({ env });
  there = await startCoffer({ besides: here, env });
});
afterAll(async () => {
  await there.close();
  await here.close();
  await issuer.stop();
  removeFile();
});

async function may(coffer: TestCoffer, { token }: Member, path = "/x/y"): Promise<boolean> {
  const { access } = coffer.clients(token);
  return (await access.testPermissions({ permissions: ["versions.access"], path })).permissions.length === 1;
}

/** A caller with a JWT that makes it a viewer. */
async function newJwtViewer(): Promise<Member> {
  const { workspaceId } = await here.clients().tokens.whoAmI({});
  const token = await issuer.sign({ workspaces: [workspaceId], access: { roles: ["look"] } });
  return { token, principalId: (await here.clients(token).tokens.whoAmI({})).principalId };
}

/** A member whom a rule allows to read values below `/x`, as both instances know. */
async function newReader(who: Promise<Member> = newMember(here)) {
  const member = await who;
  const rule = await allow(here, member, ["versions.access"], ["/x/*"]);
  await until("the other instance allows it", () => may(there, member));
  return { member, rule };
}

async function cutListeners(): Promise<void> {
  await here.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'",
  );
}

describe.each([
  ["an API token", () => newMember(here)],
  ["a JWT", newJwtViewer],
])("a change of rules for %s", (_, newCaller) => {
  it("is in force with the next request on the same instance, and soon on the other", async () => {
    const member = await newCaller();
    expect([await may(here, member), await may(there, member)]).toEqual([false, false]);
    const { id } = await allow(here, member, ["versions.access"], ["/x/*"]);
    expect(await may(here, member)).toBe(true);
    await until("the other instance allows it", () => may(there, member), 4_000);
    const start = performance.now();
    await here.clients().access.deleteAccessRule({ id });
    expect(await may(here, member)).toBe(false);
    await until("the other instance denies it", async () => !(await may(there, member)), 4_000);
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  it("is in force within five seconds although no notification ever came", async () => {
    const { member, rule } = await newReader(newCaller());
    // Without the trigger nobody is told.
    await here.sql("alter table access_rule disable trigger user");
    const start = performance.now();
    await here.sql("delete from access_rule where rule_id = $1", [rule.id]);
    await here.sql("update workspace set access_revision = access_revision + 1");
    await here.sql("alter table access_rule enable trigger user");
    for (const coffer of [here, there]) await until("it is denied", async () => !(await may(coffer, member)), 8_000);
    expect(performance.now() - start).toBeLessThan(5_500);
  });

  it("is in force soon although the connection that listens was cut", async () => {
    const { member, rule } = await newReader(newCaller());
    await cutListeners();
    await here.clients().access.deleteAccessRule({ id: rule.id });
    await until("the other instance denies it", async () => !(await may(there, member)), 5_500);
    expect(await may(here, member)).toBe(false);
  });

  it("made by SQL is seen too", async () => {
    const { member, rule } = await newReader(newCaller());
    await here.sql("delete from access_rule where rule_id = $1", [rule.id]);
    for (const coffer of [here, there]) await until("it is denied", async () => !(await may(coffer, member)), 4_000);
    const { member: other } = await newReader(newCaller());
    await here.sql("truncate access_rule");
    for (const coffer of [here, there]) await until("it is denied", async () => !(await may(coffer, other)), 4_000);
    expect(await may(here, member)).toBe(false);
  });
});

describe("a rule that SQL changed", () => {
  it.each([
    ["its permissions", "permissions = '{versions.access,secrets.read}'"],
    ["its permissions, joined otherwise", "permissions = '{\"versions.access secrets.read\"}'"],
    ["its patterns", "path_patterns = '{/x/*,/y/*}'"],
    ["its patterns to none, which is everything", "path_patterns = '{}'"],
    ["its region", "region = 'default'"],
    ["its subject", "principal_id = null, role = 'MEMBER'"],
    ["its id", "rule_id = 'acr_other' || rule_id"],
    ["its mac", "mac = ''"],
  ])("in %s allows nothing, and leaves a denial in the audit trail", async (_, change) => {
    const { member, rule } = await newReader();
    const changed = await here.sql(`update access_rule set ${change} where rule_id = $1 returning rule_id`, [rule.id]);
    const id = changed[0]?.["rule_id"];
    for (const coffer of [here, there]) await until("it is denied", async () => !(await may(coffer, member)), 4_000);
    await expectError(
      here
        .clients(member.token)
        .secrets.createSecret({ name: "/y/z", value: { case: "data", value: new Uint8Array(1) } }),
      denied("secrets.create"),
    );
    const events = () =>
      here.sql(
        "select distinct decision, result, principal_id, workspace_id from audit_event where resource_id = $1 and result <> 'OK'",
        [id],
      );
    await expect
      .poll(events)
      .toEqual([{ decision: "DENY", result: "VALUE_CORRUPT", principal_id: "system", workspace_id: rule.workspaceId }]);
    await here.sql("delete from access_rule where rule_id = $1", [id]);
  });

  it("cannot be copied to another principal, nor into another workspace", async () => {
    const { rule } = await newReader();
    const other = await newMember(here);
    const away = await here.clients().workspaces.createWorkspace({ displayName: "away" });
    const { token } = await here.clients(away.ownerToken).tokens.createToken({ displayName: "m", role: 5 });
    const columns = "permissions, path_patterns, region, note, mac";
    await here.sql(
      `insert into access_rule (workspace_id, rule_id, principal_id, ${columns})
        select workspace_id, rule_id || 'x', $2, ${columns} from access_rule where rule_id = $1`,
      [rule.id, other.principalId],
    );
    await here.sql(
      `insert into access_rule (workspace_id, rule_id, principal_id, ${columns})
        select $2, rule_id, principal_id, ${columns} from access_rule where rule_id = $1`,
      [rule.id, away.workspace?.id],
    );
    expect(await may(here, other)).toBe(false);
    expect(await may(here, { principalId: "", token })).toBe(false);
  });

  it("works again when every column is as coffer wrote it: the test sees a difference", async () => {
    const { member, rule } = await newReader();
    await here.sql("update access_rule set path_patterns = '{/x/*,/y/*}' where rule_id = $1", [rule.id]);
    await until("it is denied", async () => !(await may(here, member)), 4_000);
    await here.sql("update access_rule set path_patterns = '{/x/*}', note = 'noted' where rule_id = $1", [rule.id]);
    await until("it is allowed", () => may(here, member), 4_000);
    expect(await may(here, member, "/y/z")).toBe(false);
  });
});

// ListAuditEvents, on the real servers.
import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  AuditDecision,
  type AuditEvent,
  type ListAuditEventsRequestSchema,
} from "../../../gen/coffer/v1/audit_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { destroyVersions } from "../../../src/jobs/destroy-versions.ts";
import { purgeSecrets } from "../../../src/jobs/purge-secrets.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid } from "../../support/errors.ts";
import { run } from "../../support/jobs.ts";
import { until } from "../../support/poll.ts";
import { byId, createSecret, data, type Init, newName, present, readText, softDelete } from "../../support/secrets.ts";

const coffer = useCoffer();

type Request = Init<typeof ListAuditEventsRequestSchema>;
const list = async (request: Request = {}, token?: string) =>
  (await coffer.clients(token).audit.listAuditEvents(request)).auditEvents;
const methodsOf = (events: readonly AuditEvent[]) => events.map(({ method }) => method.split("/")[1]);
const usOf = (time: Timestamp | undefined) => present(time).seconds * 1_000_000n + BigInt(present(time).nanos / 1_000);
const later = (time: Timestamp | undefined, us: number) => {
  const total = usOf(time) + BigInt(us);
  return create(TimestampSchema, { seconds: total / 1_000_000n, nanos: Number(total % 1_000_000n) * 1_000 });
};

/** A workspace with a trail of its own: one that was created, and `count` secrets. */
async function newTrail(count: number) {
  const { workspaceId, ownerToken } = await otherWorkspace(coffer);
  const secrets = [];
  for (let made = 0; made < count; made++) secrets.push(await createSecret(coffer, {}, ownerToken));
  return { workspaceId, ownerToken, secrets };
}

describe("succeeds", () => {
  it("shows everything about a call", async () => {
    const { ownerToken } = await newTrail(0);
    const { secrets, tokens } = coffer.clients(ownerToken);
    const me = await tokens.whoAmI({});
    const before = BigInt(Date.now()) * 1_000n;
    const { secret } = await secrets.createSecret(
      { name: newName(), value: data("v") },
      { headers: { "x-request-id": "asked-for-it", "user-agent": "a test" } },
    );
    const [event] = await list({}, ownerToken);
    expect(event).toMatchObject({
      requestId: "asked-for-it",
      principalId: me.principalId,
      tokenId: me.tokenId,
      method: "coffer.v1.SecretService/CreateSecret",
      resourceType: "secret",
      resourceId: secret?.id,
      versionNumber: 1,
      decision: AuditDecision.ALLOW,
      rule: "role:owner",
      address: "127.0.0.1",
      userAgent: "a test",
      result: "OK",
      occurrences: 1,
    });
    expect(event?.id).toMatch(/^aud_[0-9a-z]{26}$/);
    const distanceUs = Number(usOf(event?.eventTime) - before);
    expect(Math.abs(distanceUs)).toBeLessThan(5_000_000);
  });

  it("lists what was changed and read, newest first, of this workspace alone", async () => {
    const { ownerToken, secrets } = await newTrail(1);
    await createSecret(coffer);
    const [secret] = secrets;
    await coffer.clients(ownerToken).secrets.getSecretValue(byId(present(secret).id));
    await coffer.clients(ownerToken).secrets.deleteSecret(byId(present(secret).id));
    const events = await list({}, ownerToken);
    expect(methodsOf(events)).toEqual(["DeleteSecret", "GetSecretValue", "CreateSecret"]);
    const times = events.map(({ eventTime }) => usOf(eventTime));
    expect(times).toEqual(times.toSorted((a, b) => Number(b - a)));
    expect(events.map(({ versionNumber }) => versionNumber)).toEqual([0, 1, 1]);
  });

  it("finds what is about a resource, and what a principal did, and both together", async () => {
    const { ownerToken, secrets } = await newTrail(2);
    const [first, second] = secrets.map(({ id }) => id) as [string, string];
    const { token, apiToken } = await coffer
      .clients(ownerToken)
      .tokens.createToken({ displayName: "reader", role: Role.OPERATOR });
    const principalId = present(apiToken).principalId;
    for (const id of [first, second]) await coffer.clients(token).secrets.getSecretValue(byId(id));
    const ask = async (request: Request) => methodsOf(await list(request, ownerToken));
    expect(await ask({ resourceId: first })).toEqual(["GetSecretValue", "CreateSecret"]);
    expect(await ask({ principalId })).toEqual(["GetSecretValue", "GetSecretValue"]);
    expect(await ask({ principalId, resourceId: second })).toEqual(["GetSecretValue"]);
    expect(await ask({ resourceId: "sec_none" })).toEqual([]);
    expect(await ask({ principalId: "prn_none" })).toEqual([]);
  });

  it("takes a range of times to the microsecond: from the start on, and before the end", async () => {
    const { ownerToken } = await newTrail(3);
    const all = await list({}, ownerToken);
    const [newest, middle, oldest] = all.map(({ eventTime }) => eventTime) as [Timestamp, Timestamp, Timestamp];
    const ids = all.map(({ id }) => id);
    const ask = async (request: Request) => (await list(request, ownerToken)).map(({ id }) => id);
    expect(await ask({ startTime: middle })).toEqual(ids.slice(0, 2));
    expect(await ask({ startTime: later(middle, 1) })).toEqual(ids.slice(0, 1));
    expect(await ask({ endTime: middle })).toEqual(ids.slice(2));
    expect(await ask({ endTime: later(middle, 1) })).toEqual(ids.slice(1));
    expect(await ask({ startTime: middle, endTime: newest })).toEqual(ids.slice(1, 2));
    expect(await ask({ startTime: oldest, endTime: later(newest, 1) })).toEqual(ids);
    expect(await ask({ startTime: later(newest, 60_000_000) })).toEqual([]);
  });

  it.each([1, 2, 3, 5, 6])(
    "misses and repeats nothing in pages of %i, though events have one time",
    async (pageSize) => {
      const { ownerToken, workspaceId } = await newTrail(5);
      await coffer.sql("update audit_event set event_time = date_trunc('hour', now()) where workspace_id = $1", [
        workspaceId,
      ]);
      const all = (await list({}, ownerToken)).map(({ id }) => id);
      expect(all).toEqual(all.toSorted().reverse());
      const found: string[] = [];
      let pageToken = "";
      do {
        const page = await coffer.clients(ownerToken).audit.listAuditEvents({ pageSize, pageToken });
        expect(page.auditEvents.length).toBeLessThanOrEqual(pageSize);
        found.push(...page.auditEvents.map(({ id }) => id));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(found).toEqual(all);
      expect(found).toHaveLength(5);
    },
  );

  it("shows denials, and of a request only what its caller wrote as a name", async () => {
    const { ownerToken, secrets } = await newTrail(1);
    const { token, apiToken } = await coffer
      .clients(ownerToken)
      .tokens.createToken({ displayName: "viewer", role: Role.VIEWER });
    const { principalId } = present(apiToken);
    const { id } = present(secrets[0]);
    await expectError(coffer.clients(token).secrets.getSecretValue(byId(id)), denied("versions.access"));
    await until("it is written", async () => (await list({ principalId }, ownerToken)).length === 1);
    const denial = {
      decision: AuditDecision.DENY,
      rule: "versions.access",
      result: "PERMISSION_MISSING",
      resourceId: id,
    };
    expect(await list({ principalId }, ownerToken)).toMatchObject([denial]);
  });

  it("shows what the system did, after the secret is gone", async () => {
    const { ownerToken, workspaceId } = await newTrail(0);
    const { secrets } = coffer.clients(ownerToken);
    const { id } = await createSecret(coffer, {}, ownerToken);
    const hour = { seconds: 3600n };
    const { version } = await secrets.destroySecretVersion({ ...byId(id), version: "1", destroyAfter: hour });
    await coffer.sql("update secret_version set scheduled_destroy_time = now() where secret_id = $1", [id]);
    await run(coffer, destroyVersions);
    await secrets.deleteSecret({ ...byId(id), force: true });
    await run(coffer, purgeSecrets);
    const events = await list({ principalId: "system" }, ownerToken);
    expect(events).toMatchObject([
      { method: "coffer.jobs/PurgeSecrets", resourceId: id, rule: "purge_time", tokenId: "" },
      { method: "coffer.jobs/DestroySecretVersions", resourceId: version?.id, versionNumber: 1 },
    ]);
    expect(methodsOf(await list({ resourceId: id }, ownerToken))).toEqual([
      "PurgeSecrets",
      "DeleteSecret",
      "CreateSecret",
    ]);
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(2);
    expect((await list({ workspaceId, pageSize: 1 }, await issueBroadToken(coffer))).length).toBe(1);
  });

  it("holds no value", async () => {
    const { ownerToken } = await newTrail(0);
    const secret = await createSecret(coffer, { value: data("canary-in-the-trail") }, ownerToken);
    await coffer.clients(ownerToken).secrets.getSecretValue(byId(secret.id));
    const response = await coffer.fetch("/coffer.v1.AuditService/ListAuditEvents", { token: ownerToken, json: {} });
    expect(await response.text()).not.toMatch(/canary|Y2FuYXJ5/);
  });
});

describe("rejects", () => {
  const second = create(TimestampSchema, { seconds: 1_000n });
  it.each<[string[], Request]>([
    [["page_size"], { pageSize: 1_001 }],
    [["resource_id"], { resourceId: "x".repeat(513) }],
    [["resource_id"], { resourceId: "a\u0000" }],
    [["principal_id"], { principalId: "x".repeat(65) }],
    [["page_token"], { pageToken: "x" }],
    [["end_time"], { startTime: second, endTime: second }],
    [["start_time"], { startTime: create(TimestampSchema, { seconds: -1n }) }],
    [["start_time", "end_time"], { startTime: create(TimestampSchema, { seconds: 2n ** 60n }), endTime: second }],
    [
      ["resource_id", "principal_id", "page_size"],
      { resourceId: "x".repeat(513), principalId: "x".repeat(65), pageSize: 1_001 },
    ],
  ])("%j that break their rules: case %#", async (fields, request) => {
    const seen = await expectError(list(request), { code: "InvalidArgument", reason: "FIELD_INVALID" });
    expect([...new Set(seen.fields)].sort()).toEqual([...fields].sort());
  });

  it("page tokens of another query, of another workspace and made up ones", async () => {
    const { ownerToken, secrets } = await newTrail(2);
    const page = await coffer.clients(ownerToken).audit.listAuditEvents({ pageSize: 1 });
    const { nextPageToken: pageToken } = page;
    expect(pageToken).not.toBe("");
    await expectError(list({ pageToken, resourceId: present(secrets[0]).id }, ownerToken), invalid("page_token"));
    await expectError(list({ pageToken }), invalid("page_token"));
    const [digest] = JSON.parse(Buffer.from(pageToken, "base64url").toString()) as string[];
    for (const parts of [["x", "aud_1"], ["-1", "aud_1"], ["1".repeat(17), "aud_1"], ["1"], ["1", "a\u0000"]]) {
      const forged = Buffer.from(JSON.stringify([digest, ...parts])).toString("base64url");
      await expectError(list({ pageToken: forged }, ownerToken), invalid("page_token"));
    }
  });
});

describe("denies", () => {
  it("a call without a token, an operator, a narrowed owner, and a workspace that the token does not reach", async () => {
    const response = await coffer.fetch("/coffer.v1.AuditService/ListAuditEvents", { token: null, json: {} });
    expect(response.status).toBe(401);
    await expectError(list({}, await coffer.tokenWithRole(Role.OPERATOR)), denied("audit.read"));
    await expectError(list({}, await coffer.tokenWithRole(Role.OWNER, ["secrets.*"])), denied("audit.read"));
    const { workspaceId } = await otherWorkspace(coffer);
    await expectError(list({ workspaceId }), { code: "PermissionDenied", reason: "WORKSPACE_NOT_REACHED" });
  });
});

describe("reads by index", () => {
  it.each([
    ["all, in order", "audit_event", "", /Index Scan Backward using audit_event_pkey/, /Sort|Seq Scan|Filter/],
    // Sorting the few of one resource, or of one principal, may be cheaper than reading them in order.
    [
      "of a resource",
      "audit_event_before",
      "and a.resource_id = 'sec_3'",
      /audit_event_by_resource/,
      /Seq Scan|Filter/,
    ],
    [
      "of a principal",
      "audit_event_before",
      "and a.principal_id = 'prn_3'",
      /audit_event_by_principal/,
      /Seq Scan|Filter/,
    ],
  ])("%s, and within the workspace", async (_what, table, condition, index, bad) => {
    await coffer.sql(`insert into audit_event (workspace_id, event_id, event_time, request_id, principal_id, token_id, method,
        resource_type, resource_id, decision, rule, address, user_agent, result, occurrences)
      select 'ws_' || n % 7, 'aud_' || gen_random_uuid(), now() - n * interval '1 second', '', 'prn_' || n % 31, '', 'm', 'secret',
        'sec_' || n % 97, 'ALLOW', '', '', '', 'OK', 1 from generate_series(1, 20000) as n`);
    await coffer.sql("analyze audit_event");
    const plan = await coffer.sql(`explain select * from ${table} a where a.workspace_id = 'ws_1' ${condition}
      order by a.event_time desc, a.event_id desc limit 51`);
    const text = plan.map((row) => String(row["QUERY PLAN"])).join("\n");
    expect(text).toMatch(index);
    expect(text).toMatch(/Index Cond: .*workspace_id = 'ws_1'/);
    expect(text).not.toMatch(bad);
  });
});

it("a reader of the trail sees a secret's deletion by its id", async () => {
  const secret = await createSecret(coffer);
  expect(await readText(coffer, secret)).toBe("v1");
  await softDelete(coffer, secret);
  const admin = await coffer.tokenWithRole(Role.ADMIN, ["audit.read"]);
  expect(methodsOf(await list({ resourceId: secret.id }, admin))).toEqual([
    "DeleteSecret",
    "GetSecretValue",
    "CreateSecret",
  ]);
});

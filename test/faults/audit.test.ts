// No value without its audit event, no change without one, and no denial that is not on record.
import { ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { describeError, errorOf } from "../support/errors.ts";
import { errorsOf, inParallel, valuesOf } from "../support/parallel.ts";
import { until } from "../support/poll.ts";
import { byId, createSecret, data, getSecret, newName } from "../support/secrets.ts";
import { problemsOfAudit } from "./checks.ts";

const coffer = useCoffer();
const canary = "canary-that-must-not-leave";
const unavailable = { code: "Unavailable", reason: "AUDIT_UNAVAILABLE", hasRetryInfo: true };

/** From now on every audit event meets `statement` before it is written. */
async function breakAudit(statement: string): Promise<void> {
  await coffer.sql(
    `create function meddle() returns trigger language plpgsql as $$ begin ${statement}; return new; end $$`,
  );
  await coffer.sql("create trigger meddle before insert on audit_event for each row execute function meddle()");
}

const restoreAudit = () => coffer.sql("drop function if exists meddle() cascade");
afterEach(restoreAudit);

/** Reads a secret many times, each as a request with an id of its own, and compares with the audit trail. */
async function readAndCompare(prefix: string, count: number): Promise<string[]> {
  const { id } = await createSecret(coffer);
  const { secrets } = coffer.clients();
  const results = await inParallel(count, 64, async (index) => {
    const requestId = `${prefix}-${index}`;
    await secrets.getSecretValue(byId(id), { headers: { "x-request-id": requestId } });
    return requestId;
  });
  expect(errorsOf(results)).toEqual([]);
  const rows = await coffer.sql("select request_id, result from audit_event where request_id like $1", [`${prefix}-%`]);
  const events = rows.map((row) => ({ requestId: String(row["request_id"]), result: String(row["result"]) }));
  return problemsOfAudit(valuesOf(results), events);
}

describe("when audit events cannot be written", () => {
  it.each([
    ["because the table refuses them", () => breakAudit("raise exception 'no'")],
    ["because the table is gone", () => coffer.sql("alter table audit_event rename to audit_event_away")],
    [
      "because the row is not allowed",
      () => coffer.sql("alter table audit_event add constraint no check (false) not valid"),
    ],
  ])("%s, no value leaves and nothing changes", async (_why, breakIt) => {
    const secret = await createSecret(coffer, { value: data(canary) });
    await breakIt();
    try {
      const read = await coffer.fetch("/coffer.v1.SecretService/GetSecretValue", { json: { id: secret.id } });
      expect(read.status).toBe(503);
      expect(await read.text()).not.toMatch(new RegExp(`${canary}|${btoa(canary)}`));
      const { secrets } = coffer.clients();
      expect(await errorOf(secrets.getSecretValue(byId(secret.id)))).toMatchObject(unavailable);
      const { results } = await secrets.batchGetSecretValues({ requests: [byId(secret.id), byId(secret.id)] });
      expect(results.map(({ result }) => result.case)).toEqual(["error", "error"]);

      const name = newName("unaudited");
      const changes = [
        () => secrets.createSecret({ name, value: data("x") }, { headers: { "idempotency-key": name } }),
        () => secrets.updateSecret({ secret: { id: secret.id, description: "changed" } }),
        () => secrets.addSecretVersion({ ...byId(secret.id), value: data("x") }),
        () => secrets.disableSecretVersion({ ...byId(secret.id), version: "1" }),
        () => secrets.deleteSecret(byId(secret.id)),
      ];
      for (const change of changes) expect(await errorOf(change())).toMatchObject(unavailable);
      expect(await coffer.sql("select 1 from secret where name = $1", [name])).toEqual([]);
      expect(await coffer.sql("select 1 from idempotency where key = $1", [name])).toEqual([]);
      expect(await getSecret(coffer, secret)).toEqual(secret);
    } finally {
      await coffer.sql("alter table if exists audit_event_away rename to audit_event");
      await coffer.sql("alter table audit_event drop constraint if exists no");
    }
    await restoreAudit();
    expect((await coffer.clients().secrets.getSecretValue(byId(secret.id))).value.case).toBe("data");
  });

  it("one event that is refused among many takes no other call's value with it unsaid: each is answered or fails", async () => {
    const { id } = await createSecret(coffer);
    await breakAudit("if new.request_id like '%7' then raise exception 'no'; end if");
    const { secrets } = coffer.clients();
    const results = await inParallel(100, 50, async (index) => {
      await secrets.getSecretValue(byId(id), { headers: { "x-request-id": `some-${index}` } });
      return `some-${index}`;
    });
    for (const error of errorsOf(results)) expect(describeError(ConnectError.from(error))).toMatchObject(unavailable);
    const rows = await coffer.sql("select request_id, result from audit_event where request_id like 'some-%'");
    const events = rows.map((row) => ({ requestId: String(row["request_id"]), result: String(row["result"]) }));
    expect(problemsOfAudit(valuesOf(results), events)).toEqual([]);
    expect(valuesOf(results).filter((requestId) => requestId.endsWith("7"))).toEqual([]);
  });
});

describe("every value that was answered", () => {
  it("has its audit event, after 500 concurrent reads", async () => {
    expect(await readAndCompare("read", 500)).toEqual([]);
  });

  it("is found to lack one in a mutant whose audit trail loses some", async () => {
    await breakAudit("if new.request_id like '%0' then return null; end if");
    expect(await readAndCompare("lossy", 50)).toHaveLength(5);
  });
});

describe("a denial", () => {
  it("is on record, and its repeats are counted in one more event", async () => {
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    const { id } = await createSecret(coffer);
    const instance = await startCoffer({ besides: coffer });
    const refused = 40;
    const { secrets } = instance.clients(viewer);
    const results = await inParallel(refused, 10, () => secrets.getSecretValue(byId(id)));
    expect(errorsOf(results)).toHaveLength(refused);
    const denials = () => coffer.sql("select rule, result, occurrences from audit_event where decision = 'DENY'");
    await until("the first is written", async () => (await denials()).length === 1);
    expect(await denials()).toEqual([{ rule: "versions.access", result: "PERMISSION_MISSING", occurrences: 1 }]);
    // Counts that are still open are written at the end.
    await instance.close();
    const occurrences = (await denials()).map((row) => Number(row["occurrences"]));
    expect(occurrences.toSorted((a, b) => a - b)).toEqual([1, refused - 1]);
  });
});

// Values read together: each ask gets its own answer and its own audit event, whatever the others get.
import { expect, it } from "vitest";
import { auditEvent } from "../../src/runtime/audit-trail.ts";
import { authorize } from "../../src/steps/authorize.ts";
import { callerIn } from "../support/callers.ts";
import { useCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { byId, createSecret } from "../support/secrets.ts";

const coffer = useCoffer();

it("one that cannot be audited gets no value, and keeps none from the others that came with it", async () => {
  const { id, workspaceId } = await createSecret(coffer);
  const ask = (userAgent: string, secretId = id) => {
    const caller = callerIn(workspaceId, { userAgent, requestId: "req_together" });
    const grant = authorize(caller, "versions.access");
    const outcome = { decision: "ALLOW", rule: grant.rule, result: "OK" } as const;
    const event = auditEvent(coffer.deps, caller, outcome, { resourceType: "secret", resourceId: "" });
    return coffer.deps.valueReader.read({
      grant,
      secret: { by: "id", secretId },
      version: { by: "latest" },
      event,
    });
  };
  // Postgres has no text with U+0000.
  const [first, poisoned, unknown, last] = await Promise.allSettled([ask("a"), ask("\0"), ask("c", "sec_x"), ask("d")]);
  expect(poisoned).toMatchObject({ status: "rejected", reason: { reason: "AUDIT_UNAVAILABLE" } });
  expect(unknown).toEqual({ status: "fulfilled", value: undefined });
  for (const answered of [first, last]) {
    expect(answered).toMatchObject({
      status: "fulfilled",
      value: { facts: expect.stringContaining(id), isRecorded: true },
    });
  }
  const events = await coffer.sql(
    "select user_agent, resource_id, version_number, result from audit_event where request_id = $1 order by user_agent",
    ["req_together"],
  );
  expect(events).toEqual(
    ["a", "d"].map((userAgent) => ({ user_agent: userAgent, resource_id: id, version_number: 1, result: "OK" })),
  );
});

it("every way of naming a secret and a version is answered in one batch, each with its own value", async () => {
  const { secrets } = coffer.clients();
  const made = await Promise.all(Array.from({ length: 20 }, () => createSecret(coffer)));
  const asks = made.flatMap(({ id, name }) => [
    { secret: { case: "id" as const, value: id }, version: "1" },
    { secret: { case: "name" as const, value: name }, version: "latest" },
    { secret: { case: "id" as const, value: id }, version: "nope" },
  ]);
  const answers = await Promise.allSettled(asks.map((ask) => secrets.getSecretValue(ask)));
  for (const [index, answer] of answers.entries()) {
    const { id } = made[Math.floor(index / 3)] as (typeof made)[number];
    if (index % 3 === 2) expect(answer.status).toBe("rejected");
    else expect(answer).toMatchObject({ status: "fulfilled", value: { secretId: id, versionNumber: 1 } });
  }
});

it("a version that was disabled is refused by the very next call, however many are under way", async () => {
  const { secrets } = coffer.clients();
  const { id } = await createSecret(coffer);
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) await secrets.getSecretValue(byId(id)).catch(() => {});
  });
  await secrets.disableSecretVersion({ ...byId(id), version: "1" });
  const seen = await errorOf(secrets.getSecretValue({ ...byId(id), version: "1" }));
  isOver = true;
  await Promise.all(load);
  expect(seen.reason).toBe("VERSION_DISABLED");
});

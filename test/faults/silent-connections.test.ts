// A connection to Postgres that takes a statement and never answers delays what is on it by about a second, and nobody else.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { ALLOW, ipIs } from "../support/access-policies.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { createKey } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import { type PostgresProxy, startPostgresProxy } from "../support/postgres-proxy.ts";
import { byId, createSecret, getSecret, newName, readText } from "../support/secrets.ts";

const delayMsMax = 2_000;

let proxy: PostgresProxy;
let coffer: TestCoffer;
let secretId: string;
let guardedId: string;
beforeAll(async () => {
  proxy = await startPostgresProxy();
  coffer = await startCoffer({ through: proxy.through, redisUrl: null });
  secretId = (await createSecret(coffer)).id;
  guardedId = (await createSecret(coffer, { accessPolicy: { conditions: [ipIs(ALLOW, "0.0.0.0/0")] } })).id;
});
afterAll(async () => {
  await coffer.close();
  await proxy.close();
});
beforeEach(async () => {
  // Several connections, as a service that has been at work for a while has.
  await Promise.all(Array.from({ length: 20 }, () => coffer.clients().secrets.listSecretVersions(byId(secretId))));
});

async function tookMs(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

/** Reads one after the other until it is told to stop, and then says how long the slowest took. */
function keepReading(): { stop: () => Promise<number> } {
  let isOver = false;
  let slowestMs = 0;
  const reading = Array.from({ length: 8 }, async () => {
    while (!isOver) slowestMs = Math.max(slowestMs, await tookMs(readText(coffer, { id: secretId })));
  });
  return {
    async stop() {
      isOver = true;
      await Promise.all(reading);
      return slowestMs;
    },
  };
}

it.each([
  ["a read of values", "read_sealed_version", () => readText(coffer, { id: secretId })],
  ["a read of a secret", "find_secret_by_id", () => coffer.clients().secrets.getSecret(byId(secretId))],
  ["a list", "list_secrets", () => coffer.clients().secrets.listSecrets({})],
  [
    "the look-up of a key",
    "find_kms_key",
    async () => createSecret(coffer, { kmsKeyId: (await createKey(coffer)).id }),
  ],
  ["the BEGIN of a change", "begin", () => describeSecret("shown")],
  ["an event of the audit trail", "insert_audit_event", () => readGuarded()],
])("%s that gets no answer is answered over another connection within two seconds", async (_what, text, call) => {
  const before = proxy.silenced();
  const others = keepReading();
  proxy.silenceNext(text);
  expect(await tookMs(call())).toBeLessThan(delayMsMax);
  expect(await others.stop()).toBeLessThan(delayMsMax);
  expect(proxy.silenced()).toBe(before + 1);
});

function describeSecret(description: string) {
  return coffer
    .clients()
    .secrets.updateSecret({ secret: { id: secretId, description }, updateMask: { paths: ["description"] } });
}

/** A read that an access policy lets through, whose event is written by itself. */
async function readGuarded(): Promise<void> {
  await readText(coffer, { id: guardedId });
}

it("the look-up of a credential that gets no answer is answered over another connection within two seconds", async () => {
  const token = await coffer.tokenWithRole(Role.OPERATOR);
  const others = keepReading();
  proxy.silenceNext("find_token_record");
  const calls = Array.from({ length: 10 }, () => coffer.clients(token).secrets.getSecret(byId(secretId)));
  expect(await tookMs(Promise.all(calls))).toBeLessThan(delayMsMax);
  expect(await others.stop()).toBeLessThan(delayMsMax);
});

it("all connections that fall silent at once, as after a fault of the network, cost a read two seconds at most", async () => {
  proxy.silence();
  const calls = Array.from({ length: 10 }, () => readText(coffer, { id: secretId }));
  expect(await tookMs(Promise.all(calls))).toBeLessThan(delayMsMax);
  expect(await tookMs(createSecret(coffer))).toBeLessThan(delayMsMax);
  expect((await coffer.fetch("/readyz")).status).toBe(200);
});

/** The client itself does not stop waiting at the deadline that it names. */
async function callWithin(timeoutMs: number, method: string, json: unknown) {
  const headers = { "connect-timeout-ms": String(timeoutMs) };
  const start = performance.now();
  const answer = await coffer.fetch(`/coffer.v1.SecretService/${method}`, { json, headers });
  const { details } = (await answer.json()) as { details?: { debug: { reason: string } }[] };
  return { status: answer.status, reason: details?.[0]?.debug.reason, tookMs: performance.now() - start };
}

it("a change that gets no answer is OUTCOME_UNKNOWN at the caller's deadline, while other changes go on", async () => {
  const others = keepReading();
  proxy.silenceNext("create_secret");
  const silent = callWithin(1_500, "CreateSecret", { name: newName(), data: "eA==" });
  await sleep(50);
  expect(await tookMs(createSecret(coffer))).toBeLessThan(1_000);
  const answer = await silent;
  expect(answer).toMatchObject({ status: 503, reason: "OUTCOME_UNKNOWN" });
  expect(answer.tookMs).toBeLessThan(1_800);
  expect(await others.stop()).toBeLessThan(delayMsMax);
});

it("a change whose deadline passes before its COMMIT is not made", async () => {
  const { id } = await createSecret(coffer);
  proxy.silenceNext("update_secret");
  const answer = await callWithin(300, "UpdateSecret", {
    secret: { id, description: "late" },
    updateMask: "description",
  });
  expect(answer).toMatchObject({ status: 504, reason: "DEADLINE_EXCEEDED" });
  expect((await getSecret(coffer, { id })).description).toBe("");
});

it("a database that says nothing at all is 503 at /readyz within a second, and coffer heals within two", async () => {
  proxy.freeze();
  const start = performance.now();
  // The answer of a moment ago is kept for a second.
  await until("it is not ready", async () => (await coffer.fetch("/readyz")).status === 503, 2_500);
  const asked = performance.now();
  expect((await coffer.fetch("/readyz")).status).toBe(503);
  expect(performance.now() - asked).toBeLessThan(1_100);
  expect(performance.now() - start).toBeLessThan(4_000);
  proxy.heal();
  await until("it is ready", async () => (await coffer.fetch("/readyz")).status === 200, delayMsMax);
  expect(await readText(coffer, { id: secretId })).toBe("v1");
});

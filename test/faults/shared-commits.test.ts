// Creates that share a COMMIT whose connection breaks: every caller gets an answer that is true, and a retry makes exactly one secret.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import { createSecret } from "../../src/operations/secrets/create.ts";
import { callerIn } from "../support/callers.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { type Cut, type PostgresProxy, startPostgresProxy } from "../support/postgres-proxy.ts";
import { problemsOfKeys, type Seen } from "./checks.ts";
import { storedKeys } from "./scenarios.ts";

let proxy: PostgresProxy;
let coffer: TestCoffer;
let workspaceId: string;
beforeAll(async () => {
  proxy = await startPostgresProxy();
  coffer = await startCoffer({ through: proxy.through, redisUrl: null });
  const [row] = await coffer.sql("select workspace_id from workspace");
  workspaceId = String(row?.["workspace_id"]);
  await create("first");
});
afterAll(async () => {
  await coffer.close();
  await proxy.close();
});

/** `key` is the idempotency key, the name and the description. */
async function create(key: string): Promise<Seen> {
  const idempotency = { key, fingerprint: new Uint8Array(32) };
  const value = { field: "value", case: "data" as const, data: Buffer.from(key) };
  const input = { name: key, description: key, value };
  const { resource } = await createSecret(coffer.deps, callerIn(workspaceId, { idempotency }), input);
  return { key, id: resource.secretId };
}

/** All in one turn. Returns the answers, and how often each reason was given instead of one. */
async function createAll(keys: readonly string[]) {
  const answers: Seen[] = [];
  const reasons: Record<string, number> = {};
  for (const result of await Promise.allSettled(keys.map(create))) {
    if (result.status === "fulfilled") answers.push(result.value);
    else if (result.reason instanceof CofferError) {
      reasons[result.reason.reason] = (reasons[result.reason.reason] ?? 0) + 1;
    } else throw result.reason;
  }
  return { answers, reasons };
}

const keysOf = (prefix: string) => Array.from({ length: 100 }, (_, index) => `${prefix}-${index}`);
const rowsOf = async (keys: readonly string[]) => (await storedKeys(coffer)).filter(({ key }) => keys.includes(key));

async function expectOneEach(keys: readonly string[]): Promise<void> {
  const { answers, reasons } = await createAll(keys);
  expect(reasons).toEqual({});
  expect(problemsOfKeys({ keys, answers, rows: await rowsOf(keys) })).toEqual([]);
  const [row] = await coffer.sql(
    `select count(*)::int as events, count(distinct a.resource_id)::int as secrets from audit_event a
      join secret s on s.secret_id = a.resource_id where s.description = any ($1) and a.result = 'OK'`,
    [keys],
  );
  expect(row).toEqual({ events: keys.length, secrets: keys.length });
}

describe("100 creates with two COMMITs, of which the first", () => {
  it.each<[string, Cut, number]>([
    ["is cut off after the server has committed", "answer", 100],
    ["is cut off before the server hears of it", "request", 50],
  ])(
    "%s: half of them have an unknown outcome, and retries make exactly one secret each",
    async (_, cut, rowsBefore) => {
      const keys = keysOf(cut);
      let cuts = 0;
      proxy.onCommit(() => {
        proxy.onCommit(() => undefined);
        cuts++;
        return cut;
      });
      const { answers, reasons } = await createAll(keys);
      expect(cuts).toBe(1);
      expect(reasons).toEqual({ OUTCOME_UNKNOWN: 50 });
      const rows = await rowsOf(keys);
      expect(rows).toHaveLength(rowsBefore);
      expect(problemsOfKeys({ keys: keys.slice(50), answers, rows })).toEqual([]);
      await expectOneEach(keys);
    },
  );

  it("waits for a lock while its server process ends: half of them have an unknown outcome, and retries make one secret each", async () => {
    const keys = keysOf("ended");
    const other = new Client(coffer.databaseUrl);
    await other.connect();
    await other.query("begin");
    await other.query(
      `insert into idempotency (workspace_id, principal_id, method, key, fingerprint, fingerprint_key_version, resource_type, resource_id)
        values ($1, 'prn_test', 'test', $2, '', 1, 'secret', 'sec_other')`,
      [workspaceId, keys[25]],
    );
    const running = createAll(keys);
    await sleep(100);
    await other.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'with patience%' and wait_event_type = 'Lock'",
    );
    await other.query("rollback");
    await other.end();
    const { answers, reasons } = await running;
    expect(reasons).toEqual({ OUTCOME_UNKNOWN: 50 });
    expect(problemsOfKeys({ keys: keys.slice(50), answers, rows: await rowsOf(keys) })).toEqual([]);
    await expectOneEach(keys);
  });
});

// Lists of what is rare in a large workspace: an index finds it, few run at a time, and none keeps other tenants waiting.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { SecretState } from "../../gen/coffer/v1/secret_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { createSecret, readText } from "../support/secrets.ts";
import { signCopies } from "../support/signed-rows.ts";

const coffer = useCoffer();
const secretCount = 60_000;
const eventCount = 300_000;
let other: Awaited<ReturnType<typeof createSecret>>;

beforeAll(async () => {
  other = await createSecret(coffer, { labels: { team: "one" } });
  const [{ columns }] =
    (await coffer.sql(`select string_agg(column_name, ', ') as columns from information_schema.columns
    where table_name = 'secret' and column_name not in ('secret_id', 'path', 'name', 'labels', 'row_mac')`)) as [
      { columns: string },
    ];
  await coffer.sql(`insert into secret (secret_id, path, name, labels, ${columns})
    select 'sec_' || n, '/many/' || n, 'many/' || n, jsonb_build_object('env', 'prod', 'n', n::text), ${columns}
    from secret, generate_series(1, ${secretCount}) n`);
  await coffer.sql(`insert into audit_event (workspace_id, event_id, request_id, principal_id, token_id, method, resource_type,
      resource_id, decision, rule, address, user_agent, result, occurrences)
    select workspace_id, 'aud_' || n, 'req', 'prn_busy', 'tok', 'm', 'secret', 'sec_' || n % 7, 'ALLOW', 'r', '', '', 'OK', 1
    from workspace, generate_series(1, ${eventCount}) n`);
  await signCopies(coffer);
  await coffer.sql("analyze secret");
  await coffer.sql("analyze audit_event");
}, 120_000);

/** The fastest of several: the first one plans, and the machine may be busy with something else. */
async function tookMs(call: () => Promise<unknown>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const start = performance.now();
    await call();
    fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}

describe("a page is found without reading the workspace:", () => {
  const { ACTIVE, SOFT_DELETED } = SecretState;
  const list = (request: object) => () => coffer.clients().secrets.listSecrets(request);

  it.each([
    ["a label that no secret has", list({ labels: { team: "none" } })],
    ["a label that one secret has", list({ labels: { n: "4711" } })],
    ["two labels that no secret has together", list({ labels: { env: "prod", team: "one" } })],
    ["a label that all secrets have", list({ labels: { env: "prod" } })],
    ["a kind that no secret has", list({ kind: "aws" })],
    ["deleted secrets, of which there are none", list({ states: [SOFT_DELETED] })],
    ["active secrets", list({ states: [ACTIVE] })],
    [
      "events of a principal that did nothing",
      () => coffer.clients().audit.listAuditEvents({ principalId: "prn_nobody" }),
    ],
    [
      "events of a principal that did everything",
      () => coffer.clients().audit.listAuditEvents({ principalId: "prn_busy" }),
    ],
  ])("%s", async (_what, call) => {
    expect(await tookMs(call)).toBeLessThan(60);
  });

  it("with what was asked for in it", async () => {
    const { secrets } = coffer.clients();
    expect((await secrets.listSecrets({ labels: { n: "4711" } })).secrets.map(({ name }) => name)).toEqual([
      "many/4711",
    ]);
    expect((await secrets.listSecrets({ labels: { team: "one" } })).secrets).toHaveLength(1);
    expect((await secrets.listSecrets({ labels: { env: "prod" }, pageSize: 7 })).secrets).toHaveLength(7);
  });
});

describe("lists that take long", () => {
  it("run two at a time for a workspace, and delay no other call", async () => {
    const client = new Client(coffer.databaseUrl);
    await client.connect();
    await client.query("begin");
    // Stands for a statement that goes on for a long time: every list waits here.
    await client.query("lock table secret in access exclusive mode");
    const { secrets, tokens } = coffer.clients();
    const lists = Promise.all(Array.from({ length: 8 }, () => errorOf(secrets.listSecrets({}))));
    await until("two run", async () => (await runningLists()) === 2);
    await sleep(500);
    expect(await runningLists()).toBe(2);
    const start = performance.now();
    await tokens.listTokens({});
    expect(performance.now() - start).toBeLessThan(500);
    const errors = await lists;
    await client.query("rollback");
    await client.end();
    for (const error of errors) expect(error).toMatchObject({ code: "ResourceExhausted", reason: "LIST_TIMEOUT" });
    expect(await readText(coffer, other)).toBe("v1");
  });
});

async function runningLists(): Promise<number> {
  const rows =
    await coffer.sql(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    and application_name = 'coffer'`);
  return rows.length;
}

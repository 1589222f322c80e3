// Times in JWTs are judged by the database's clock, and a machine whose own clock is off says so.
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabaseClock } from "../../src/runtime/database-clock.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { entryOf, type JwtIssuer, startIssuer, writeIssuersFile } from "../support/jwt-issuer.ts";

const hourMs = 3_600_000;
let issuer: JwtIssuer;
let file: { path: string; remove: () => void };
let coffer: TestCoffer;

/** From now on the database is an hour ahead: its own clock_timestamp() is found before the system's. */
async function moveClock(url: string): Promise<string> {
  const client = new Client(url);
  await client.connect();
  await client.query(`create schema ahead;
    create function ahead.clock_timestamp() returns timestamptz language sql volatile as
      $$ select pg_catalog.clock_timestamp() + interval '1 hour' $$;
    alter database ${client.escapeIdentifier(client.database ?? "")} set search_path = ahead, public, pg_catalog`);
  await client.end();
  return url;
}

beforeAll(async () => {
  issuer = await startIssuer();
  file = writeIssuersFile({ issuers: [entryOf(issuer)] });
  coffer = await startCoffer({ env: { COFFER_JWT_ISSUERS_FILE: file.path }, through: moveClock });
});
afterAll(async () => {
  await coffer.close();
  await issuer.stop();
  file.remove();
});

const seconds = (ms: number) => Math.floor(ms / 1000);

async function statusOf(iat: number, exp: number): Promise<number> {
  const [{ workspaceId }] = (await coffer.sql('select workspace_id as "workspaceId" from workspace')) as [
    { workspaceId: string },
  ];
  const token = await issuer.sign({ iat, nbf: iat, exp, workspaces: [workspaceId], access: { roles: ["work"] } });
  return (await coffer.fetch("/coffer.v1.SecretService/ListSecrets", { token, json: {} })).status;
}

describe("a JWT, where the database's clock is an hour ahead of the machine's", () => {
  it("that begins an hour from now by the machine's clock is good", async () => {
    const now = Date.now() + hourMs;
    expect(await statusOf(seconds(now) - 10, seconds(now) + 60)).toBe(200);
  });

  it("that has half an hour left by the machine's clock is over", async () => {
    const now = Date.now();
    expect(await statusOf(seconds(now) - 10, seconds(now) + 1_800)).toBe(401);
  });

  it("is one warning in the log, with the difference", async () => {
    const lines = coffer.logLines.map((line) => JSON.parse(line) as { level: number; msg: string; aheadMs?: number });
    const warnings = lines.filter(({ aheadMs }) => aheadMs !== undefined);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ level: 40, msg: expect.stringContaining("clock of this machine differs") });
    expect(warnings[0]?.aheadMs).toBeGreaterThan(-hourMs - 2_000);
    expect(warnings[0]?.aheadMs).toBeLessThan(-hourMs + 2_000);
  });
});

it("a jump of the machine's own clock does not move the clock", async () => {
  let wallMs = Date.now();
  const skews: number[] = [];
  const own = { now: () => new Date(wallMs), nowMs: () => performance.now() };
  const clock = await openDatabaseClock(coffer.deps.database, own, (aheadMs) => void skews.push(aheadMs));
  const before = clock.now().getTime();
  wallMs -= 10 * hourMs;
  expect(Math.abs(clock.now().getTime() - before)).toBeLessThan(1_000);
  expect(skews).toHaveLength(1);
  clock.close();
});

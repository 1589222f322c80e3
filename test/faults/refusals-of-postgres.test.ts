// Postgres that answers but refuses: what the caller is told, one line in the log, and coffer healed within two seconds.
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { newPostgresRole } from "../support/postgres-role.ts";
import { createSecret } from "../support/secrets.ts";

const role = newPostgresRole();
let coffer: TestCoffer;
let database: string;
beforeAll(async () => {
  coffer = await startCoffer({ through: role.through, redisUrl: null });
  database = new Client(coffer.databaseUrl).database ?? "";
});
afterAll(async () => {
  await coffer.close();
  await role.drop();
});
beforeEach(async () => {
  await createSecret(coffer);
});

interface Fault {
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** Every new secret fails in this way. */
function onInsert(action: string): Fault {
  return {
    async begin() {
      await role.asAdmin(`create function fault() returns trigger security definer language plpgsql as $$ begin ${action}; return new; end $$;
        create trigger fault before insert on secret for each row execute function fault()`);
    },
    end: () => role.asAdmin("drop trigger fault on secret; drop function fault"),
  };
}

const raised = (sqlState: string) => onInsert(`raise exception 'no' using errcode = '${sqlState}'`);

/** Holds for connections that begin from now on, so those that are there end. */
function onConnect(begin: string, end: string): Fault {
  const run = async (text: string) => {
    await role.asAdmin(text.replaceAll("ROLE", role.name).replaceAll("DATABASE", database), "postgres");
    await role.disconnect();
  };
  return { begin: () => run(begin), end: () => run(end) };
}

const unavailable = { code: "Unavailable", reason: "DEPENDENCY_UNAVAILABLE", hasRetryInfo: true };
const concurrent = { code: "Aborted", reason: "CONCURRENT_CHANGE", hasRetryInfo: true };
const unknown = { code: "Unavailable", reason: "OUTCOME_UNKNOWN", hasRetryInfo: true };

it.each<[string, Fault, object]>([
  ["53100: the disk is full", raised("53100"), unavailable],
  ["53200: there is no memory", raised("53200"), unavailable],
  ["58030: the disk has an error", raised("58030"), unavailable],
  ["25P03: a transaction that did nothing was ended", raised("25P03"), unknown],
  ["40001: the transaction cannot be serialized, each time", raised("40001"), concurrent],
  ["40P01: a deadlock, each time", raised("40P01"), concurrent],
  ["55P03: a lock cannot be had", raised("55P03"), concurrent],
  [
    "57014: an operator cancels each statement",
    onInsert("perform pg_cancel_backend(pg_backend_pid()); perform pg_sleep(1)"),
    unavailable,
  ],
  [
    "57P01: an operator ends each connection",
    onInsert("perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1)"),
    unknown,
  ],
  [
    "42501: the role may write no more secrets",
    {
      begin: () => role.asAdmin(`revoke insert on secret from ${role.name}`),
      end: () => role.asAdmin(`grant insert on secret to ${role.name}`),
    },
    unavailable,
  ],
  [
    "53300: the role may have no connection",
    onConnect("alter role ROLE connection limit 0", "alter role ROLE connection limit -1"),
    unavailable,
  ],
  [
    "28P01: the password is another one",
    onConnect("alter role ROLE password 'y'", "alter role ROLE password 'x'"),
    unavailable,
  ],
  ["28000: the role may not log in", onConnect("alter role ROLE nologin", "alter role ROLE login"), unavailable],
  [
    "55000: the database takes no connections",
    onConnect("alter database DATABASE allow_connections false", "alter database DATABASE allow_connections true"),
    unavailable,
  ],
  [
    "3D000: the database has another name",
    onConnect(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'DATABASE'; alter database DATABASE rename to DATABASE_away",
      "alter database DATABASE_away rename to DATABASE",
    ),
    unavailable,
  ],
  [
    "25006: the database takes no writes",
    onConnect(
      "alter database DATABASE set default_transaction_read_only = on",
      "alter database DATABASE reset default_transaction_read_only",
    ),
    unavailable,
  ],
])("%s", async (_what, fault, expected) => {
  await fault.begin();
  const before = coffer.logLines.length;
  expect(await errorOf(createSecret(coffer))).toMatchObject(expected);
  const all = coffer.logLines.slice(before).map((line) => JSON.parse(line) as { msg: string; result?: string });
  // Times of last use are written after the answers, and may meet the fault too.
  const lines = all.filter(({ msg }) => msg !== "access times could not be stored");
  expect(lines.map(({ msg, result }) => [msg, result])).toEqual([["call", (expected as { reason: string }).reason]]);
  await fault.end();
  await until(
    "it has healed",
    () =>
      createSecret(coffer).then(
        () => true,
        () => false,
      ),
    2_000,
  );
  await until("it is ready", async () => (await coffer.fetch("/readyz")).status === 200, 2_000);
});

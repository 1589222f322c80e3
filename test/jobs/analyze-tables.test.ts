// A new installation that is being filled: Postgres plans for what the tables hold, long before autovacuum comes by.
import { expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { createSecret, readText } from "../support/secrets.ts";

// As often as they come: the job does not wait for its turn of a minute.
const coffer = useCoffer({ env: { COFFER_JOBS: "on" } });

const tables = ["secret", "secret_version", "audit_event_before"];
const columnsOf = async (table: string, ...except: string[]) => {
  const rows = await coffer.sql(
    "select column_name from information_schema.columns where table_name = $1 and column_name <> all ($2)",
    [table, except],
  );
  return rows.map((row) => String(row["column_name"])).join(", ");
};

it("a table that has grown tenfold is analyzed within seconds, and reads stay as fast as they were", async () => {
  for (const table of tables) await coffer.sql(`alter table ${table} set (autovacuum_enabled = off)`);
  const secret = await createSecret(coffer);
  const medianMs = async () => {
    const times: number[] = [];
    for (let read = 0; read < 60; read++) {
      const start = performance.now();
      await readText(coffer, secret);
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[30] as number;
  };
  // The plans of these connections are made now.
  const before = await medianMs();
  const ofSecret = await columnsOf("secret", "secret_id", "path", "name");
  const ofVersion = await columnsOf("secret_version", "secret_id", "version_id");
  await coffer.sql(`insert into secret (secret_id, path, name, ${ofSecret})
    select 'sec_' || n, '/many/' || n, 'many/' || n, ${ofSecret} from secret, generate_series(1, 30000) n`);
  await coffer.sql(`insert into secret_version (secret_id, version_id, ${ofVersion})
    select 'sec_' || n, 'secv_' || n, ${ofVersion} from secret_version, generate_series(1, 30000) n`);
  const known = async () => {
    const rows = await coffer.sql("select from pg_class where relname = any ($1) and reltuples >= 30000", [tables]);
    return rows.length;
  };
  await until("both are analyzed", async () => (await known()) === 2, 10_000);
  expect(await medianMs()).toBeLessThan(3 * before + 5);
});

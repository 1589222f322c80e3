// Defaults of a database that would break coffer's promises and parsers if its sessions took them over.
import { Client } from "pg";

/**
 * `default_transaction_read_only` is not among them: it is how an operator takes the writes away, and coffer heeds it; nor is
 * `search_path`, which says where the tables are.
 */
export const hostileSettings: Readonly<Record<string, string>> = {
  datestyle: "German, DMY",
  intervalstyle: "sql_standard",
  timezone: "Pacific/Chatham",
  bytea_output: "escape",
  extra_float_digits: "-10",
  standard_conforming_strings: "off",
  array_nulls: "off",
  transform_null_equals: "on",
  row_security: "off",
  synchronous_commit: "off",
  statement_timeout: "50",
  lock_timeout: "1",
  idle_in_transaction_session_timeout: "1",
  idle_session_timeout: "100",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  plan_cache_mode: "force_custom_plan",
  jit: "on",
};

/** Whether every database of the run has these defaults. */
export const isHostileRun = process.env["COFFER_TEST_HOSTILE_DATABASE"] === "1";

/** Holds for sessions that begin from now on. */
export async function makeHostile(databaseUrl: string, settings = hostileSettings): Promise<void> {
  const client = new Client(databaseUrl);
  await client.connect();
  try {
    const name = client.escapeIdentifier(client.database ?? "");
    for (const [setting, value] of Object.entries(settings)) {
      await client.query(`alter database ${name} set ${setting} = ${client.escapeLiteral(value)}`);
    }
  } finally {
    await client.end();
  }
}

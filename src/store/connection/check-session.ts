// Refuses a database or a pooler that coffer cannot work with, before any change.
import type pg from "pg";
import { StartupError } from "../../domain/error/startup-error.ts";
import { type Connector, closeAtOnce, type OpenConnection } from "./open-connection.ts";
import type { TimeLimits } from "./session.ts";

/** Fails with a StartupError. */
export async function checkSession(connector: Connector, opened: OpenConnection, limits: TimeLimits): Promise<void> {
  const { client, session } = opened;
  if (session.encoding !== "UTF8") {
    throw new StartupError(
      `the encoding of the database is ${session.encoding}; coffer requires UTF8: ` +
        "make a new one with: create database … encoding 'UTF8' template template0",
    );
  }
  if (session.isPooled && (await sharesSessions(connector, client, limits))) {
    throw new StartupError(
      "COFFER_DATABASE_URL leads to a connection pooler in transaction mode; coffer requires session mode, " +
        "such as pool_mode = session of PgBouncer, or a URL that connects to the server directly",
    );
  }
}

const setting = "coffer.session";

/**
 * Returns whether a setting of one connection appears on another one, or is gone in the next statement. In session mode each connection
 * has its own server process; if the pool has only one, the second connection fails to open.
 */
async function sharesSessions(connector: Connector, client: pg.Client, limits: TimeLimits): Promise<boolean> {
  for (let round = 0; round < 3; round++) {
    const mark = `${process.pid}-${performance.now()}`;
    await client.query("select set_config($1, $2, false)", [setting, mark]);
    // In transaction mode the pooler gives it the server process of the previous statement, because that was released last.
    const other = await connector.open(limits).catch(() => undefined);
    if (!other) return false;
    try {
      if ((await read(other.client)) === mark) return true;
    } finally {
      closeAtOnce(other.client);
    }
    if ((await read(client)) !== mark) return true;
  }
  return false;
}

async function read(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query("select current_setting($1, true) as value", [setting]);
  return rows[0].value;
}

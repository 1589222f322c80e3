// Refuses a database, or a way to it, that coffer cannot work with: in one line, before anything is done to it.
import type pg from "pg";
import { StartupError } from "../../domain/startup-error.ts";
import { type Connector, closeAtOnce, type OpenConnection } from "./open-connection.ts";
import type { TimeLimits } from "./session.ts";

/** Fails with a StartupError. */
export async function checkSession(connector: Connector, opened: OpenConnection, limits: TimeLimits): Promise<void> {
  const { client, session } = opened;
  if (session.encoding !== "UTF8") {
    throw new StartupError(
      `the encoding of the database is ${session.encoding}; coffer requires UTF8: ` +
        "create database … encoding 'UTF8' template template0",
    );
  }
  if (session.isPooled && (await sharesSessions(connector, client, limits))) {
    throw new StartupError(
      "COFFER_DATABASE_URL leads to a connection pooler in transaction mode; coffer requires session mode, " +
        "such as pool_mode = session of PgBouncer, or a URL that goes past the pooler",
    );
  }
}

const setting = "coffer.session";

/**
 * Whether what one connection sets shows on another, or is gone with the next statement. In session mode each has a server process of
 * its own; where the pool has no more than one, the other never gets its turn.
 */
async function sharesSessions(connector: Connector, client: pg.Client, limits: TimeLimits): Promise<boolean> {
  for (let round = 0; round < 3; round++) {
    const mark = `${process.pid}-${performance.now()}`;
    await client.query("select set_config($1, $2, false)", [setting, mark]);
    // It takes the server process that was free last, which in transaction mode is the one of the statement before.
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

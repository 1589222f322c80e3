// Refuses a database that coffer cannot work with, before any other statement.
import { toStartupError } from "../domain/error/startup-error.ts";
import { checkSession } from "./connection/check-session.ts";
import { createConnector } from "./connection/open-connection.ts";
import { serveLimits } from "./connection/session.ts";

/** Fails with a StartupError. */
export async function checkDatabase(connectionString: string, password: string | undefined): Promise<void> {
  try {
    const connector = createConnector(connectionString, password);
    const opened = await connector.open(serveLimits);
    try {
      await checkSession(connector, opened, serveLimits);
    } finally {
      await opened.client.end();
    }
  } catch (error) {
    throw toStartupError("cannot use the database", error);
  }
}

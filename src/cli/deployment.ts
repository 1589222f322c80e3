// Opens the configured deployment for one command, which works on its database and keyring directly.
import { type Base, connectDatabase, type DatabaseServer, openBase } from "../base/base.ts";
import type { Config } from "../config/config.ts";
import { CofferError } from "../domain/error/errors.ts";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { borrowEmbeddedPostgres } from "../embedded/borrow-embedded-postgres.ts";
import { loadKeyring } from "../envelope/keyring.ts";
import { noHints } from "../redis/idempotency-hints.ts";
import type { Deps } from "../runtime/deps.ts";
import { createSingleFlight } from "../runtime/single-flight.ts";
import { createTokenCache } from "../runtime/token-cache.ts";
import { checkDatabase } from "../store/check-database.ts";
import { isDatabaseError } from "../store/connection/database-errors.ts";
import type { Database } from "../store/database.ts";
import { findDeployment } from "../store/deployment.ts";
import { migrate } from "../store/migrate.ts";

export type CommandDeps = Base & Pick<Deps, "idempotencyHints" | "singleFlight" | "tokenCache">;

/** Fails with a StartupError when the database cannot be used. Other CofferErrors of `use` are not changed. */
export async function withDatabase<T>(
  config: Config,
  use: (database: Database, server: DatabaseServer) => Promise<T>,
): Promise<T> {
  try {
    await using closing = new AsyncDisposableStack();
    const server = await findServer(closing, config);
    await checkDatabase(server.url, server.password);
    // Awaited here, because the database closes at the end of this block.
    return await use(connectDatabase(closing, server, 1), server);
  } catch (error) {
    const isUnavailable = error instanceof CofferError && error.reason === "DEPENDENCY_UNAVAILABLE";
    if (!isUnavailable && !isDatabaseError(error)) throw error;
    throw toStartupError("cannot use the database", (error as Error).cause ?? error);
  }
}

/** Writes nothing unless the keyring fits, and never migrates the schema: `coffer serve` does that. */
export function withDeployment<T>(config: Config, use: (deps: CommandDeps) => Promise<T>): Promise<T> {
  const keyring = loadKeyring(config.rootKeyFile);
  return withDatabase(config, async (database, { url, password }) => {
    if (!(await findDeployment(database))) {
      throw new StartupError("this database has no deployment yet; start `coffer serve` once to make it");
    }
    const base = await openBase({ database, keyring, regions: config.regions });
    await migrate(url, { checkOnly: true, password });
    return use({
      ...base,
      idempotencyHints: noHints,
      singleFlight: createSingleFlight(),
      tokenCache: createTokenCache(),
    });
  });
}

async function findServer(
  closing: AsyncDisposableStack,
  { databaseUrl, databasePassword, dataDir }: Config,
): Promise<DatabaseServer> {
  if (databaseUrl !== undefined) return { url: databaseUrl, password: databasePassword };
  const { url } = closing.adopt(await borrowEmbeddedPostgres(dataDir), (postgres) => postgres.giveBack());
  return { url, password: undefined };
}

// The configured deployment, for one command: its database and its keyring, used directly.
import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import { CofferError } from "../domain/error/errors.ts";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { visitEmbeddedPostgres } from "../embedded/visit-embedded-postgres.ts";
import { loadKeyring } from "../envelope/keyring.ts";
import { noHints } from "../redis/idempotency-hints.ts";
import type { Deps } from "../runtime/deps.ts";
import { createSingleFlight } from "../runtime/single-flight.ts";
import { createTokenCache } from "../runtime/token-cache.ts";
import { openDeployment } from "../steps/deployment.ts";
import { checkDatabase } from "../store/check-database.ts";
import { isDatabaseError } from "../store/connection/database-errors.ts";
import { type Database, openDatabase } from "../store/database.ts";
import { findDeployment } from "../store/deployment.ts";
import { migrate } from "../store/migrate.ts";

export type AdminDeps = Pick<
  Deps,
  | "now"
  | "random"
  | "database"
  | "keyring"
  | "deploymentId"
  | "deploymentKeys"
  | "regions"
  | "idempotencyHints"
  | "singleFlight"
  | "tokenCache"
>;

interface Place {
  url: string;
  password: string | undefined;
  leave(): Promise<void>;
}

/** Fails with a StartupError when the database cannot be used; a CofferError of `use` itself goes through. */
export async function withDatabase<T>(
  config: Config,
  use: (database: Database, place: Pick<Place, "url" | "password">) => Promise<T>,
): Promise<T> {
  const place = await findPlace(config);
  try {
    await checkDatabase(place.url, place.password);
    const database = openDatabase({ connectionString: place.url, password: place.password, poolSize: 1 });
    try {
      return await use(database, place);
    } finally {
      await database.close();
    }
  } catch (error) {
    const isAway = error instanceof CofferError && error.reason === "DEPENDENCY_UNAVAILABLE";
    if (!isAway && !isDatabaseError(error)) throw error;
    throw toStartupError("cannot use the database", (error as Error).cause ?? error);
  } finally {
    await place.leave();
  }
}

/** Writes nothing unless the keyring fits, and changes no schema: that is for a start of the service. */
export function withDeployment<T>(config: Config, use: (deps: AdminDeps) => Promise<T>): Promise<T> {
  const keyring = loadKeyring(config.rootKeyFile);
  return withDatabase(config, async (database, { url, password }) => {
    if (!(await findDeployment(database))) {
      throw new StartupError("this database belongs to no deployment yet; `coffer serve` makes one");
    }
    const now = () => new Date();
    const deployment = await openDeployment({ database, keyring, now, random: randomBytes });
    await migrate(url, { checkOnly: true, password });
    return use({
      ...deployment,
      database,
      keyring,
      now,
      random: randomBytes,
      regions: config.regions,
      idempotencyHints: noHints,
      singleFlight: createSingleFlight(),
      tokenCache: createTokenCache(),
    });
  });
}

async function findPlace({ databaseUrl, databasePassword, dataDir }: Config): Promise<Place> {
  if (databaseUrl !== undefined) return { url: databaseUrl, password: databasePassword, leave: async () => {} };
  const { url, leave } = await visitEmbeddedPostgres(dataDir);
  return { url, password: undefined, leave };
}

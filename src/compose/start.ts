// Starts coffer: database, schema, keyring, servers and first workspace.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { connectDatabase, type DatabaseServer } from "../base/base.ts";
import type { Config } from "../config/config.ts";
import { egressOrigin } from "../config/egress.ts";
import { CofferError } from "../domain/error/errors.ts";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { startEmbeddedPostgres } from "../embedded/start-embedded-postgres.ts";
import { type DeploymentKeys, deriveDeploymentKeys, openDeploymentKey } from "../envelope/deployment-keys.ts";
import { createKeyring, followKeyring, type Keyring } from "../envelope/keyring.ts";
import { signStoredCredentials } from "../steps/credentials/sign-stored.ts";
import { signStoredRows } from "../steps/sign-stored-rows.ts";
import { signStoredPrincipals } from "../steps/workspaces/principals.ts";
import { checkDatabase } from "../store/check-database.ts";
import { isDatabaseError } from "../store/connection/database-errors.ts";
import { type Database, openDatabase } from "../store/database.ts";
import { findDeployment } from "../store/deployment.ts";
import { type MigrationSteps, migrate } from "../store/migrate.ts";
import { createApp } from "./app.ts";
import { type FirstWorkspace, makeFirstWorkspace } from "./first-workspace.ts";
import type { Logger } from "./log.ts";
import { followChanges, openServingBase, type ServingBase } from "./serving-base.ts";

export interface Running {
  /** The URL of the API; undefined when it is not served. */
  url: string | undefined;
  /** The URL of the egress proxy; undefined when it is not served. */
  egressUrl: string | undefined;
  /** The workspace that a first start has made. */
  first: FirstWorkspace | undefined;
  /** Resolves, with the reason, when coffer cannot go on. */
  failed: Promise<string>;
  /** Keeps serving for `leadMs`, so that load balancers stop sending calls. Then running calls have the grace to finish. */
  close(leadMs: number): Promise<void>;
}

/** A database whose schema is that of this version, and the keyring that opens it. */
interface PreparedDatabase {
  server: DatabaseServer;
  keyring: Keyring;
  /** Resolves, with the reason, when the database server has ended. */
  failed: Promise<string>;
}

/** Starts the API, and the egress proxy beside it with `withEgress`. Fails with a StartupError, and leaves nothing running. */
export async function start(
  config: Config,
  log: Logger,
  { isWorker = false, withEgress = false }: { isWorker?: boolean; withEgress?: boolean } = {},
): Promise<Running> {
  await using opening = new AsyncDisposableStack();
  try {
    const { server, keyring, failed } = await prepareDatabase(opening, config, log);
    let leadEndMs = 0;
    const leadMs = () => Math.max(0, leadEndMs - performance.now());
    // The API shows where the proxy is.
    const egressUrl = config.egressUrl ?? (withEgress ? egressOrigin(config.egress) : undefined);
    const database = openDatabase({
      connectionString: server.url,
      password: server.password,
      poolSize: config.databasePoolSize,
    });
    const app = opening.adopt(
      await createApp({ config: { ...config, egressUrl }, log, database, keyring, isWorker }),
      (api) => api.close(leadMs()),
    );
    const { url } = await app.listen().catch((error: unknown) => {
      throw toStartupError(`cannot listen on ${config.host}:${config.port}`, error);
    });
    const egress = withEgress ? await listenEgress(opening, config, log, app.deps, leadMs) : undefined;
    // Last: the token is shown only once, so a start that fails must not make the first workspace.
    const first = await makeFirstWorkspace(app.deps, config.dataDir);
    const closing = opening.move();
    return {
      ...{ url, egressUrl: egress?.url, first, failed },
      async close(ms) {
        app.announceClose();
        leadEndMs = performance.now() + ms;
        await closing.disposeAsync();
      },
    };
  } catch (error) {
    throw asStartupError(error);
  }
}

/** Starts the egress proxy alone. Fails with a StartupError, and leaves nothing running. */
export async function startEgress(config: Config, log: Logger): Promise<Running> {
  if (config.databaseUrl === undefined) {
    const message =
      "COFFER_DATABASE_URL is required; with the bundled Postgres, use `coffer serve --egress`, which serves both";
    throw new StartupError(message);
  }
  await using opening = new AsyncDisposableStack();
  try {
    const { server, keyring, failed } = await prepareDatabase(opening, config, log);
    let leadMs = 0;
    const database = connectDatabase(opening, server, config.databasePoolSize);
    const base = await openServingBase(opening, { config, database, keyring });
    followChanges(opening, base);
    const { url } = await listenEgress(opening, config, log, base, () => leadMs);
    const closing = opening.move();
    return {
      ...{ url: undefined, egressUrl: url, first: undefined, failed },
      async close(ms) {
        leadMs = ms;
        await closing.disposeAsync();
      },
    };
  } catch (error) {
    throw asStartupError(error);
  }
}

async function listenEgress(
  closing: AsyncDisposableStack,
  config: Config,
  log: Logger,
  base: ServingBase,
  leadMs: () => number,
): Promise<{ url: string }> {
  // Imported only when it is used, because it loads libraries of its own.
  const { createEgressApp } = await import("./egress-app.ts");
  const egress = closing.adopt(await createEgressApp(config, log, base), (proxy) => proxy.close(leadMs()));
  return egress.listen();
}

/** Starts the bundled PostgreSQL if it is used, checks the keyring and migrates the schema. */
export async function prepareDatabase(
  closing: AsyncDisposableStack,
  config: Config,
  log: Logger,
): Promise<PreparedDatabase> {
  const { failed, ...server } = await reachDatabaseServer(closing, config, log);
  try {
    await using opening = new AsyncDisposableStack();
    await checkDatabase(server.url, server.password);
    const present = presentKeyring(config, log);
    const keys = await checkKeyring(config, present, connectDatabase(opening, server, 1));
    const steps: MigrationSteps = keys
      ? {
          "credential-macs": (sql) => signStoredCredentials(keys, sql),
          "sign-rows": (sql) => signStoredRows(keys, sql),
          "principal-macs": (sql) => signStoredPrincipals(keys, sql),
        }
      : {};
    const say = (message: string, details: object) => log.warn(details, message);
    await migrate(server.url, { checkOnly: !config.migrateOnStart, password: server.password, steps, log: say });
    if (!present) createKeyring(config.rootKeyFile, randomBytes);
    return { server, keyring: present ?? follow(config, log), failed };
  } catch (error) {
    throw asStartupError(error);
  }
}

function asStartupError(error: unknown): unknown {
  if (!(error instanceof CofferError) && !isDatabaseError(error)) return error;
  return toStartupError("cannot use the database", error.cause ?? error);
}

async function reachDatabaseServer(
  closing: AsyncDisposableStack,
  config: Config,
  log: Logger,
): Promise<DatabaseServer & { failed: Promise<string> }> {
  if (config.databaseUrl !== undefined) {
    const failed = new Promise<string>(() => {});
    return { url: config.databaseUrl, password: config.databasePassword, failed };
  }
  const { url, exited } = closing.adopt(
    await startEmbeddedPostgres({ dataDir: config.dataDir, log: (line) => log.debug({ line }, "postgres") }),
    (postgres) => postgres.stop(),
  );
  return { url, password: undefined, failed: exited };
}

/** Returns undefined when a keyring must be made: on the first start beside the bundled Postgres. */
function presentKeyring(config: Config, log: Logger): Keyring | undefined {
  return config.mayCreateRootKey && !existsSync(config.rootKeyFile) ? undefined : follow(config, log);
}

function follow({ rootKeyFile }: Config, log: Logger): Keyring {
  return followKeyring(rootKeyFile, (error) => {
    log.error({ file: rootKeyFile, err: error }, "the changed root keyring is not valid; the former keys stay in use");
  });
}

/** Returns the keys of a database in use, and writes nothing. Fails with a StartupError when the keyring is missing or does not fit. */
async function checkKeyring(
  { rootKeyFile }: Config,
  keyring: Keyring | undefined,
  database: Database,
): Promise<DeploymentKeys | undefined> {
  const deployment = await findDeployment(database);
  if (!deployment) return undefined;
  if (!keyring) {
    throw new StartupError(
      `the root keyring ${rootKeyFile} is missing; restore it, because without it the secrets in this database are lost`,
    );
  }
  using key = openDeploymentKey(keyring, deployment.deploymentId, deployment);
  return deriveDeploymentKeys(key);
}

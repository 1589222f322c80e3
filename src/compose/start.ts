// Starts coffer: database, schema, keyring, first workspace, port.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { type Config, egressOrigin } from "../config/config.ts";
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
import { type App, createApp } from "./app.ts";
import type { EgressApp, EgressAppDeps } from "./egress-app.ts";
import { type FirstWorkspace, makeFirstWorkspace } from "./first-workspace.ts";
import type { Logger } from "./log.ts";

export interface Running {
  /** Of the API; undefined when it is not served. */
  url: string | undefined;
  /** Of the egress proxy; undefined when it is not served. */
  egressUrl: string | undefined;
  /** What a first start has made. */
  first: FirstWorkspace | undefined;
  /** Resolves, with the reason, when coffer cannot go on. */
  failed: Promise<string>;
  /** Keeps serving for `leadMs`, so that load balancers stop sending calls. Then running calls have the grace to finish. */
  close(leadMs: number): Promise<void>;
}

interface DatabaseServer {
  url: string;
  password: string | undefined;
  failed: Promise<string>;
  stop(): Promise<void>;
}

/** A database whose schema is this coffer's, and the keyring that opens it: what several processes share. */
export interface Ground {
  server: DatabaseServer;
  keyring: Keyring;
}

/** Fails with a StartupError, and leaves nothing running. */
export async function start(
  config: Config,
  log: Logger,
  options: { isWorker?: boolean; withEgress?: boolean } = {},
): Promise<Running> {
  const ground = await prepareGround(config, log);
  const { server } = ground;
  try {
    // Who serves both knows where the proxy is.
    const egressUrl = config.egressUrl ?? (options.withEgress ? egressOrigin(config.egress) : undefined);
    const { app, first, url } = await startApp(ground, { ...config, egressUrl }, log, options.isWorker ?? false);
    const egress = options.withEgress ? await listenEgress(config, log, app.deps).catch(closing(app)) : undefined;
    return {
      url,
      egressUrl: egress?.url,
      first,
      failed: server.failed,
      async close(leadMs) {
        app.announceClose();
        const endMs = performance.now() + leadMs;
        await egress?.close(leadMs);
        await app.close(Math.max(0, endMs - performance.now()));
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The egress proxy alone. Fails with a StartupError, and leaves nothing running. */
export async function startEgress(config: Config, log: Logger): Promise<Running> {
  if (config.databaseUrl === undefined) {
    const message = "COFFER_DATABASE_URL is required; beside the bundled Postgres, `coffer serve --egress` serves both";
    throw new StartupError(message);
  }
  const { server, keyring } = await prepareGround(config, log);
  const { url: connectionString, password } = server;
  const database = openDatabase({ connectionString, password, poolSize: config.databasePoolSize });
  let close = () => {};
  try {
    const { createEgressDeps } = await import("./egress-app.ts");
    const made = await createEgressDeps(config, database, keyring);
    close = made.close;
    const egress = await listenEgress(config, log, made.deps);
    return {
      url: undefined,
      egressUrl: egress.url,
      first: undefined,
      failed: server.failed,
      async close(leadMs) {
        await egress.close(leadMs);
        close();
        await database.close();
      },
    };
  } catch (error) {
    close();
    await database.close();
    throw asStartupError(error);
  }
}

async function listenEgress(config: Config, log: Logger, deps: EgressAppDeps): Promise<EgressApp & { url: string }> {
  // Only where it is asked for: it brings libraries of its own.
  const { createEgressApp } = await import("./egress-app.ts");
  const egress = createEgressApp(config, log, deps);
  try {
    const { url } = await egress.listen();
    return { ...egress, url };
  } catch (error) {
    await egress.close();
    throw error;
  }
}

function closing(app: App): (error: unknown) => Promise<never> {
  return async (error) => {
    await app.close();
    throw error;
  };
}

/** Fails with a StartupError, and leaves nothing running. */
export async function prepareGround(config: Config, log: Logger): Promise<Ground> {
  const server = await reachDatabaseServer(config, log);
  let database: Database | undefined;
  try {
    await checkDatabase(server.url, server.password);
    database = openDatabase({ connectionString: server.url, password: server.password, poolSize: 1 });
    const present = presentKeyring(config, log);
    const keys = await checkKeyring(config, present, database);
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
    return { server, keyring: present ?? follow(config, log) };
  } catch (error) {
    await server.stop();
    throw asStartupError(error);
  } finally {
    await database?.close();
  }
}

async function startApp({ server, keyring }: Ground, config: Config, log: Logger, isWorker: boolean) {
  const { url: connectionString, password } = server;
  const database = openDatabase({ connectionString, password, poolSize: config.databasePoolSize });
  let app: App | undefined;
  try {
    app = await createApp({ config, log, database, keyring, isWorker });
    const { url } = await app.listen().catch((error: unknown) => {
      throw toStartupError(`cannot listen on ${config.host}:${config.port}`, error);
    });
    // Last: a start that fails must not have used up the one time at which the token is shown.
    const first = await makeFirstWorkspace(app.deps, config.dataDir);
    return { app, first, url };
  } catch (error) {
    await (app ?? database).close();
    throw asStartupError(error);
  }
}

function asStartupError(error: unknown): unknown {
  if (!(error instanceof CofferError) && !isDatabaseError(error)) return error;
  return toStartupError("cannot use the database", error.cause ?? error);
}

async function reachDatabaseServer(config: Config, log: Logger): Promise<DatabaseServer> {
  if (config.databaseUrl !== undefined) {
    const failed = new Promise<string>(() => {});
    return { url: config.databaseUrl, password: config.databasePassword, failed, stop: async () => {} };
  }
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    log: (line) => log.debug({ line }, "postgres"),
  });
  return { url: postgres.url, password: undefined, failed: postgres.exited, stop: postgres.stop };
}

/** Undefined where one is to be made: beside the bundled Postgres, on its first start. */
function presentKeyring(config: Config, log: Logger): Keyring | undefined {
  return config.mayCreateRootKey && !existsSync(config.rootKeyFile) ? undefined : follow(config, log);
}

function follow({ rootKeyFile }: Config, log: Logger): Keyring {
  return followKeyring(rootKeyFile, (error) => {
    log.error({ file: rootKeyFile, err: error }, "the changed root keyring is not valid; the former keys stay in use");
  });
}

/** The keys of a database in use, before anything is written: a keyring that does not fit, or is missing, ends the start. */
async function checkKeyring(
  { rootKeyFile }: Config,
  keyring: Keyring | undefined,
  database: Database,
): Promise<DeploymentKeys | undefined> {
  const deployment = await findDeployment(database);
  if (!deployment) return undefined;
  if (!keyring) {
    throw new StartupError(`the root keyring ${rootKeyFile} is missing; without it the secrets in this data are lost`);
  }
  const key = openDeploymentKey(keyring, deployment.deploymentId, deployment);
  const keys = deriveDeploymentKeys(key);
  key.zero();
  return keys;
}

// Connects the parts of the API by hand, each opening beside its closing.
import { setTimeout as sleep } from "node:timers/promises";
import type { Surface } from "../call/surface.ts";
import type { Config } from "../config/config.ts";
import type { Keyring } from "../envelope/keyring.ts";
import type { HttpServer } from "../http/server.ts";
import type { Job } from "../jobs/job.ts";
import { jobs } from "../jobs/jobs.ts";
import { partitionEvents } from "../jobs/partition-events.ts";
import { revalidateCredentials } from "../jobs/revalidate-credentials.ts";
import { startJobs } from "../jobs/runner.ts";
import { createJwtVerifier } from "../jwt/verifier.ts";
import { createProber } from "../probes/prober.ts";
import type { RedisConnection } from "../redis/connection.ts";
import { createRedisHints, noHints } from "../redis/idempotency-hints.ts";
import { createReadiness } from "../rpc/readiness.ts";
import { createAccessRules } from "../runtime/access-rules.ts";
import { type AccessTimes, createAccessTimes } from "../runtime/access-times.ts";
import { createDenialLog } from "../runtime/audit-denials.ts";
import { type DatabaseClock, openDatabaseClock } from "../runtime/database-clock.ts";
import type { Deps } from "../runtime/deps.ts";
import { createJwtIdentities } from "../runtime/jwt-identities.ts";
import { lastTimesIntervalMs } from "../runtime/last-times.ts";
import { createOpenedVersions, type OpenedVersions } from "../runtime/opened-versions.ts";
import { createSecretReader } from "../runtime/secret-reader.ts";
import { createSecretTexts } from "../runtime/secret-texts.ts";
import { createSecretWriter } from "../runtime/secret-writer.ts";
import { createSingleFlight } from "../runtime/single-flight.ts";
import { createTokenCache } from "../runtime/token-cache.ts";
import { createValidationQueue } from "../runtime/validation-queue.ts";
import { createValueReader } from "../runtime/value-reader.ts";
import { tryIfDue } from "../steps/credentials/try-if-due.ts";
import type { Database } from "../store/database.ts";
import { isAnyWorkspaceThere } from "../store/workspaces.ts";
import type { Logger } from "./log.ts";
import { createServer } from "./server.ts";
import { followChanges, openRedis, openServingBase, type ServingBase } from "./serving-base.ts";

export interface App {
  deps: Deps;
  /** Begins to listen. `host` is as configured. */
  listen(): Promise<{ host: string; port: number; url: string }>;
  /** Reports that it is not ready, so that load balancers stop sending calls. Calls are still served. */
  announceClose(): void;
  /** Keeps serving for `leadMs`, lets calls finish, writes what is still buffered, and closes everything. */
  close(leadMs?: number): Promise<void>;
}

export interface AppOptions {
  config: Config;
  log: Logger;
  /** Must be migrated. The app closes it, also when it cannot be made. */
  database: Database;
  keyring: Keyring;
  /** Whether a primary has forked this process. The primary then counts the limits of this instance. */
  isWorker?: boolean;
  /** Served besides the surfaces of the table. */
  surfaces?: readonly Surface[];
}

/** Fails with a StartupError when the keyring does not fit the database, and leaves nothing open. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, log, database, keyring, isWorker = false, surfaces: moreSurfaces } = options;
  // Each part closes before the parts that stand above it.
  await using opening = new AsyncDisposableStack();
  opening.adopt(database, (pool) => pool.close());
  const redis = openRedis(opening, config, log);
  const own = { now: () => new Date(), nowMs: () => performance.now() };
  const clock = opening.adopt(
    await openDatabaseClock(database, own, (aheadMs) => {
      if (aheadMs === 0) log.info("the clock of this machine agrees with the database's again");
      else log.warn({ aheadMs }, "the clock of this machine differs from the database's; coffer uses the database's");
    }),
    ({ close }) => close(),
  );
  const base = await openServingBase(opening, { config, database, keyring });
  const accessTimes = opening.adopt(
    createAccessTimes(database.background, {
      intervalMs: lastTimesIntervalMs,
      onLost: (error) => log.warn({ err: error }, "access times could not be stored"),
    }),
    (times) => times.flush(),
  );
  const denials = opening.adopt(
    createDenialLog(base, (error) => log.error({ err: error }, "a denial is missing in the audit trail")),
    (denialLog) => denialLog.flush(),
  );
  const openedVersions = opening.adopt(createOpenedVersions(), (versions) => versions.close());
  const deps = createDeps({ config, log, base, accessTimes, openedVersions, redis, clock });
  followChanges(opening, base, deps);
  const shutdown = new AbortController();
  opening.defer(() => shutdown.abort());
  opening.defer(() => deps.validations.close());
  const readiness = createReadiness(readinessCheck(database));
  const server = createServer({
    ...{ config, log, deps, denials, redis, readiness, isWorker, moreSurfaces },
    shutdownSignal: shutdown.signal,
  });
  const runner = startJobs(deps, config.jobs ? jobsFor(deps, config) : [], {
    intervalMs: config.jobsIntervalMs,
    log: {
      ran: (run) => log.info(run, "job"),
      failed: (job, error, retryMs) => log.error({ job, retryMs, err: error }, "a job failed"),
    },
  });
  let serveOnMs = 0;
  opening.defer(async () => {
    const served = sleep(serveOnMs).then(() => server.close(config.shutdownGraceMs));
    await Promise.all([served, runner.stop(config.shutdownGraceMs)]);
  });
  const announceClose = () => {
    readiness.stop();
    server.announceClose();
  };
  const closing = opening.move();
  return {
    deps,
    async listen() {
      const { port } = await listenSomewhere(server, config, log);
      const host = config.host.includes(":") ? `[${config.host}]` : config.host;
      return { host: config.host, port, url: `${config.tls ? "https" : "http"}://${host}:${port}` };
    },
    announceClose,
    async close(leadMs = 0) {
      announceClose();
      serveOnMs = leadMs;
      await closing.disposeAsync();
    },
  };
}

async function listenSomewhere(server: HttpServer, config: Config, log: Logger): Promise<{ port: number }> {
  try {
    return await server.listen(config.port, config.host);
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!isTaken || !config.portIsDefault) throw error;
    log.warn(
      { port: config.port },
      "the default port is taken, so coffer uses a free one; set COFFER_PORT to choose it",
    );
    return server.listen(0, config.host);
  }
}

function createDeps({
  config,
  log,
  base,
  accessTimes,
  openedVersions,
  redis,
  clock,
}: {
  config: Config;
  log: Logger;
  base: ServingBase;
  accessTimes: AccessTimes;
  openedVersions: OpenedVersions;
  redis: RedisConnection | undefined;
  clock: DatabaseClock;
}): Deps {
  const { database, deploymentKeys, now } = base;
  const jwtVerifier = createJwtVerifier(config.jwtIssuers, clock, (issuer, error) =>
    log.warn({ issuer, err: error }, "the keys of this issuer cannot be fetched"),
  );
  const prober = createProber(config.validation, now);
  const accessRules = createAccessRules(base, (error) =>
    log.error({ err: error }, "a forged access rule is missing in the audit trail"),
  );
  const deps = {
    ...base,
    secretReader: createSecretReader(database),
    secretTexts: createSecretTexts(deploymentKeys),
    valueReader: createValueReader(database),
    openedVersions,
    secretWriter: createSecretWriter(database),
    accessRules,
    accessTimes,
    idempotencyHints: redis ? createRedisHints(redis, config.redisPrefix, deploymentKeys.fingerprintKey) : noHints,
    singleFlight: createSingleFlight(),
    tokenCache: createTokenCache(),
    jwtIdentities: createJwtIdentities({ database, accessRules }, jwtVerifier, clock),
    prober,
  };
  const validations = createValidationQueue({
    isOn: prober.isOn,
    tryIfDue: (secret, signal) => tryIfDue(deps, secret, signal),
    onFailed: (error) => log.warn({ err: error }, "a credential could not be tried"),
  });
  return { ...deps, validations };
}

/** Returns the jobs, without those that have nothing to do. */
function jobsFor({ prober }: Deps, { eventRetention }: Config): Job[] {
  const all = [...jobs, partitionEvents(eventRetention)];
  return all.filter((job) => job !== revalidateCredentials || prober.isOn);
}

/** The instance is ready when a workspace exists and the database accepts writes. */
function readinessCheck(database: Database): () => Promise<boolean> {
  let isFounded = false;
  return async () => {
    isFounded ||= await isAnyWorkspaceThere(database).catch(() => false);
    return isFounded && database.isWritable();
  };
}

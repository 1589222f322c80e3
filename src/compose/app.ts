// Wires the parts together by hand.
import { setTimeout as sleep } from "node:timers/promises";
import type { Surface } from "../call/surface.ts";
import type { Config } from "../config/config.ts";
import type { Keyring } from "../envelope/keyring.ts";
import { createRandomBytes } from "../envelope/random-pool.ts";
import { createExternalVaults } from "../external-vault/external-vaults.ts";
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
import { createAccessTimes } from "../runtime/access-times.ts";
import { createDenialLog } from "../runtime/audit-denials.ts";
import { createAuditTrail } from "../runtime/audit-trail.ts";
import { type DatabaseClock, openDatabaseClock } from "../runtime/database-clock.ts";
import type { Deps } from "../runtime/deps.ts";
import { createJwtIdentities } from "../runtime/jwt-identities.ts";
import { createKeyMaterial } from "../runtime/key-material.ts";
import { createSharedLookups } from "../runtime/shared-lookups.ts";
import { createSingleFlight } from "../runtime/single-flight.ts";
import { createTokenCache } from "../runtime/token-cache.ts";
import { createValidationQueue } from "../runtime/validation-queue.ts";
import { createValueReader } from "../runtime/value-reader.ts";
import { tryIfDue } from "../steps/credentials/try-if-due.ts";
import { openDeployment } from "../steps/deployment.ts";
import { accessChannel } from "../store/access-rules.ts";
import { revocationChannel } from "../store/api-tokens.ts";
import type { Database } from "../store/database.ts";
import { keyDestroyedChannel } from "../store/due-keys.ts";
import { listen } from "../store/listen.ts";
import { isAnyWorkspaceThere } from "../store/workspaces.ts";
import type { Logger } from "./log.ts";
import { openRedis } from "./open-redis.ts";
import { createServer } from "./server.ts";

export interface App {
  deps: Deps;
  /** Where it listens; `host` as configured. */
  listen(): Promise<{ host: string; port: number; url: string }>;
  /** Reports that it is not ready, so that load balancers stop sending calls. Calls are still served. */
  announceClose(): void;
  /** Keeps serving for `leadMs`, lets calls finish, writes what is still buffered, and closes everything. */
  close(leadMs?: number): Promise<void>;
}

export interface AppOptions {
  config: Config;
  log: Logger;
  /** A migrated one; closed with the app. */
  database: Database;
  keyring: Keyring;
  /** Whether it is one of several processes that a primary has forked: what is this instance's own is then counted there. */
  isWorker?: boolean;
  /** Served besides the surfaces of the table. */
  surfaces?: readonly Surface[];
}

/** Fails with a StartupError when the keyring does not fit the database. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, log, database, keyring, isWorker = false, surfaces: moreSurfaces } = options;
  const redis = openRedis(config, log);
  let clock: DatabaseClock | undefined;
  try {
    const own = { now: () => new Date(), nowMs: () => performance.now() };
    clock = await openDatabaseClock(database, own, (aheadMs) => {
      if (aheadMs === 0) log.info("the clock of this machine agrees with the database's again");
      else log.warn({ aheadMs }, "the clock of this machine differs from the database's; coffer uses the database's");
    });
    const { close: stopClock } = clock;
    const deps = await createDeps(config, log, database, keyring, redis, clock);
    const denials = createDenialLog(deps, (error) =>
      log.error({ err: error }, "a denial is missing in the audit trail"),
    );
    const shutdown = new AbortController();
    const readiness = createReadiness(readinessCheck(database));
    const server = createServer({
      ...{ config, log, deps, denials, redis, readiness, isWorker, moreSurfaces },
      shutdownSignal: shutdown.signal,
    });
    const { tokenCache, accessRules, keyMaterial } = deps;
    const channels = {
      [revocationChannel]: tokenCache.drop,
      [accessChannel]: accessRules.drop,
      [keyDestroyedChannel]: keyMaterial.drop,
    };
    const notifications = listen(database, channels, {
      onListening() {
        tokenCache.clear();
        accessRules.clear();
        keyMaterial.keepFromNow();
      },
      // The other two are looked up again within five seconds anyway.
      onLost: keyMaterial.keepNothing,
    });
    const runner = startJobs(deps, config.jobs ? jobsFor(deps, config) : [], {
      intervalMs: config.jobsIntervalMs,
      log: {
        ran: (run) => log.info(run, "job"),
        failed: (job, error, retryMs) => log.error({ job, retryMs, err: error }, "a job failed"),
      },
    });
    const announceClose = () => {
      readiness.stop();
      server.announceClose();
    };
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
        const served = sleep(leadMs).then(() => server.close(config.shutdownGraceMs));
        await Promise.all([served, runner.stop(config.shutdownGraceMs)]);
        await deps.validations.close();
        shutdown.abort();
        await denials.flush();
        await deps.accessTimes.flush();
        await deps.audit.drain();
        notifications.close();
        stopClock();
        redis?.close();
        await database.close();
      },
    };
  } catch (error) {
    clock?.close();
    redis?.close();
    throw error;
  }
}

async function listenSomewhere(server: HttpServer, config: Config, log: Logger): Promise<{ port: number }> {
  try {
    return await server.listen(config.port, config.host);
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!isTaken || !config.portIsDefault) throw error;
    log.warn({ port: config.port }, "the default port is taken, so coffer takes a free one; COFFER_PORT names one");
    return server.listen(0, config.host);
  }
}

async function createDeps(
  config: Config,
  log: Logger,
  database: Database,
  keyring: Keyring,
  redis: RedisConnection | undefined,
  clock: DatabaseClock,
): Promise<Deps> {
  const now = () => new Date();
  const random = createRandomBytes();
  const { deploymentId, deploymentKeys } = await openDeployment({ database, keyring, now, random });
  const jwtVerifier = createJwtVerifier(config.jwtIssuers, clock, (issuer, error) =>
    log.warn({ issuer, err: error }, "the keys of this issuer cannot be fetched"),
  );
  const prober = createProber(config.validation, now);
  const audit = createAuditTrail(database);
  const accessRules = createAccessRules({ database, deploymentKeys, audit, now, random }, (error) =>
    log.error({ err: error }, "a forged access rule is missing in the audit trail"),
  );
  const deps = {
    now,
    random,
    database,
    keyring,
    deploymentId,
    deploymentKeys,
    regions: config.regions,
    keyMaterial: createKeyMaterial({ database, keyring, deploymentId }),
    keyLookups: createSharedLookups(),
    valueReader: createValueReader(database),
    audit,
    accessRules,
    accessTimes: createAccessTimes(database.background, (error) =>
      log.warn({ err: error }, "access times could not be stored"),
    ),
    idempotencyHints: redis ? createRedisHints(redis, config.redisPrefix, deploymentKeys.fingerprintKey) : noHints,
    singleFlight: createSingleFlight(),
    tokenCache: createTokenCache(),
    jwtIdentities: createJwtIdentities({ database, accessRules }, jwtVerifier, clock),
    prober,
    externalVaults: createExternalVaults(config.vaults, { now, nowMs: clock.nowMs }),
  };
  const validations = createValidationQueue({
    isOn: prober.isOn,
    tryIfDue: (secret, signal) => tryIfDue(deps, secret, signal),
    onFailed: (error) => log.warn({ err: error }, "a credential was not tried"),
  });
  return { ...deps, validations };
}

/** All of them, but for those that have nothing to work with. */
function jobsFor({ prober }: Deps, { eventRetention }: Config): Job[] {
  const all = [...jobs, partitionEvents(eventRetention)];
  return all.filter((job) => job !== revalidateCredentials || prober.isOn);
}

/** Ready once the first workspace exists, and while the database accepts writes. */
function readinessCheck(database: Database): () => Promise<boolean> {
  let isFounded = false;
  return async () => {
    isFounded ||= await isAnyWorkspaceThere(database).catch(() => false);
    return isFounded && database.isWritable();
  };
}

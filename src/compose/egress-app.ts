// Wires the egress proxy by hand: in a process of its own, or beside the API.
import { Resolver } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import type { Config, EgressConfig } from "../config/config.ts";
import { placeholderTest } from "../domain/egress/placeholder.ts";
import { placeholderShapes } from "../domain/egress/providers.ts";
import { type EgressTimeouts, egressTimeouts } from "../domain/egress/timeouts.ts";
import { toStartupError } from "../domain/error/startup-error.ts";
import { newId } from "../domain/ids.ts";
import { createCertificates } from "../egress/certificates.ts";
import { createEgressMetrics, createMetricsServer } from "../egress/metrics.ts";
import { createOpenTunnels } from "../egress/open-tunnels.ts";
import { lineOf } from "../egress/request-events.ts";
import { createEgressServer, type EgressServer } from "../egress/server.ts";
import { createUpstreams } from "../egress/upstreams.ts";
import { createUsage, type ShareCount } from "../egress/usage.ts";
import { createValues } from "../egress/values.ts";
import type { Keyring } from "../envelope/keyring.ts";
import { createRandomBytes } from "../envelope/random-pool.ts";
import { createExternalVaults } from "../external-vault/external-vaults.ts";
import { type NetGuard, type Resolve, systemResolve } from "../net-guard/guard.ts";
import { openForEgress } from "../operations/egress/open-for-egress.ts";
import { createFailureLimits } from "../redis/rate-limits.ts";
import { createSharedCount } from "../redis/shared-count.ts";
import { createReadiness } from "../rpc/readiness.ts";
import { createAuditTrail } from "../runtime/audit-trail.ts";
import type { Deps } from "../runtime/deps.ts";
import { createEgressEventLog } from "../runtime/egress-event-log.ts";
import { createKeyMaterial } from "../runtime/key-material.ts";
import { createSandboxRecords } from "../runtime/sandbox-records.ts";
import { createSharedLookups } from "../runtime/shared-lookups.ts";
import { createWriteBehind } from "../runtime/write-behind.ts";
import { openDeployment } from "../steps/deployment.ts";
import { placeholderMac, refusalOfForeignPlaceholder } from "../steps/egress/placeholders.ts";
import { workspaceCa } from "../steps/egress/workspace-ca.ts";
import type { Database } from "../store/database.ts";
import { keyDestroyedChannel } from "../store/due-keys.ts";
import { listen } from "../store/listen.ts";
import { findSandboxRecord } from "../store/sandbox-bindings.ts";
import { touchUsedByEgress } from "../store/touch-used-by-egress.ts";
import { createEventGuard } from "../wire/guard-events.ts";
import type { Logger } from "./log.ts";
import { openRedis } from "./open-redis.ts";

export interface EgressApp {
  /** `metricsUrl`: where its counts are read, when they are. */
  listen(): Promise<{ url: string; metricsUrl: string | undefined }>;
  /** From now on no load balancer should send requests here; they are still served. */
  announceClose(): void;
  /** Serves on for `leadMs`, lets requests finish, and writes what is still to be written. */
  close(leadMs?: number): Promise<void>;
}

export type EgressAppDeps = Pick<
  Deps,
  | "now"
  | "random"
  | "database"
  | "keyring"
  | "deploymentId"
  | "deploymentKeys"
  | "regions"
  | "keyMaterial"
  | "keyLookups"
  | "audit"
  | "externalVaults"
>;

const usedDelayMs = 1_000;

export function createEgressApp(
  config: Config,
  log: Logger,
  deps: EgressAppDeps,
  given: Partial<EgressTimeouts> = {},
): EgressApp {
  const { now, random, database, deploymentKeys } = deps;
  const { host, ports, requestsPerMinute, bytesPerHour } = config.egress;
  const timeouts: EgressTimeouts = { ...egressTimeouts, ...config.egress.waits, ...given };
  const guard: NetGuard = { resolve: resolveWith(config.egress), allowed: config.egress.allowed };
  const roots = rootsOf(config.egress);
  const sandboxRecords = createSandboxRecords((lookupId) => findSandboxRecord(database, lookupId));
  const values = createValues((sandbox, binding, request) => openForEgress(deps, sandbox, binding, request));
  const upstreams = createUpstreams(guard, roots, timeouts.dialMs);
  const events = createEgressEventLog(database.once, {
    newEventId: () => newId("egr", now(), random),
    onFolded: (event) => log.info(lineOf(event), "egress"),
    onLost: (error) => log.warn({ err: error }, "updates of egress events are lost"),
  });
  const used = createWriteBehind<{ workspaceId: string; secretId: string }>({
    delayMs: usedDelayMs,
    write: (secrets) => touchUsedByEgress(database.background, secrets),
    onLost: (error) => log.warn({ err: error }, "times of use are not noted"),
  });
  const redis = openRedis(config, log);
  const share: ShareCount | undefined =
    redis && ((name, windowMs) => createSharedCount(name, windowMs, { redis, prefix: config.redisPrefix }));
  const usage = createUsage({ requestsPerMinute, bytesPerHour }, share);
  const sandboxUsage = createUsage({
    requestsPerMinute: config.egress.sandboxRequestsPerMinute,
    bytesPerHour: undefined,
  });
  // A sandbox needs no token to ask, and each look is a write.
  const readiness = createReadiness(() => database.isWritable());
  const metrics = createEgressMetrics();
  const metricsServer = createMetricsServer(metrics);
  const onUnexpectedError = (error: unknown) => log.error({ err: error }, "egress");
  const server = createEgressServer({
    ...{ now, random, deploymentKeys, sandboxRecords, values, usage, sandboxUsage, upstreams, events, ports, timeouts },
    isReady: readiness.isReady,
    isPlaceholder: placeholderTest(placeholderShapes, placeholderMac(deploymentKeys)),
    refusalOfForeignPlaceholder: (sandbox, placeholder) => refusalOfForeignPlaceholder(database, sandbox, placeholder),
    failureLimits: createFailureLimits(config.rateLimitUnauthenticated),
    openTunnels: createOpenTunnels(),
    certificates: createCertificates((workspaceId) => workspaceCa(deps, workspaceId), deps),
    touchUsed: (secret) => used.add(`${secret.workspaceId} ${secret.secretId}`, secret),
    measure: metrics.measure,
    log: (line) => log.info(line, "egress"),
    onUnknownClient(address) {
      metrics.countUnknown();
      log.info({ address }, "egress: no sandbox's token, or not from its address");
    },
    onUnexpectedError,
    guard: createEventGuard(onUnexpectedError),
  });
  return {
    async listen() {
      const { metricsPort } = config.egress;
      const origin = `http://${host.includes(":") ? `[${host}]` : host}`;
      const { port } = await listenOn(server, "COFFER_EGRESS_PORT", config.egress.port, host);
      const shown =
        metricsPort === undefined
          ? undefined
          : await listenOn(metricsServer, "COFFER_EGRESS_METRICS_PORT", metricsPort, host).catch(
              async (error: unknown) => {
                await server.close(0);
                throw error;
              },
            );
      return { url: `${origin}:${port}`, metricsUrl: shown && `${origin}:${shown.port}/metrics` };
    },
    announceClose: server.announceClose,
    async close(leadMs = 0) {
      server.announceClose();
      await sleep(leadMs);
      await server.close(config.shutdownGraceMs);
      metricsServer.close();
      upstreams.close();
      values.clear();
      await events.flush();
      await used.flush();
      await usage.flush();
      redis?.close();
    },
  };
}

/** Fails with a StartupError that names the settings. */
async function listenOn(
  server: Pick<EgressServer, "listen">,
  name: string,
  port: number,
  host: string,
): Promise<{ port: number }> {
  return server.listen(port, host).catch((error: unknown) => {
    throw toStartupError(`cannot listen on ${host}:${port} (COFFER_EGRESS_HOST, ${name})`, error);
  });
}

/** What the proxy needs of a deployment when no API is served beside it. */
export async function createEgressDeps(
  config: Config,
  database: Database,
  keyring: Keyring,
): Promise<{ deps: EgressAppDeps; close(): void }> {
  const now = () => new Date();
  const random = createRandomBytes();
  const { deploymentId, deploymentKeys } = await openDeployment({ database, keyring, now, random });
  const keyMaterial = createKeyMaterial({ database, keyring, deploymentId });
  const notifications = listen(
    database,
    { [keyDestroyedChannel]: keyMaterial.drop },
    { onListening: keyMaterial.keepFromNow, onLost: keyMaterial.keepNothing },
  );
  const deps = {
    ...{ now, random, database, keyring, deploymentId, deploymentKeys, keyMaterial },
    regions: config.regions,
    keyLookups: createSharedLookups(),
    audit: createAuditTrail(database),
    externalVaults: createExternalVaults(config.vaults, { now, nowMs: () => performance.now() }),
  };
  return { deps, close: notifications.close };
}

/** The bundled and the system's, and those of private hosts. */
function rootsOf({ roots }: EgressConfig): SecureContext {
  const known = [...getCACertificates("default"), ...getCACertificates("system")];
  return createSecureContext({ ca: [...new Set(known), ...(roots === undefined ? [] : [roots])] });
}

function resolveWith({ dnsServers }: EgressConfig): Resolve {
  if (dnsServers.length === 0) return systemResolve;
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers(dnsServers);
  return async (host) => {
    const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    return found.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  };
}

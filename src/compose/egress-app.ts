// Connects the parts of the egress proxy by hand, each opening beside its closing. It runs in its own process or beside the API.
import { Resolver } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import type { Config } from "../config/config.ts";
import type { EgressConfig } from "../config/egress.ts";
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
import { type NetGuard, type Resolve, systemResolve } from "../net-guard/guard.ts";
import { openForEgress } from "../operations/egress/open-for-egress.ts";
import { createFailureLimits } from "../redis/rate-limits.ts";
import { createSharedCount } from "../redis/shared-count.ts";
import { createReadiness } from "../rpc/readiness.ts";
import { createEgressEventLog } from "../runtime/egress-event-log.ts";
import { createLastTimes, lastTimesIntervalMs } from "../runtime/last-times.ts";
import { createSandboxRecords } from "../runtime/sandbox-records.ts";
import { placeholderMac, refusalOfForeignPlaceholder } from "../steps/egress/placeholders.ts";
import { workspaceCa } from "../steps/egress/workspace-ca.ts";
import { touchSecretsUsed, type UsedSecret } from "../store/last-times.ts";
import { findSandboxRecord } from "../store/sandbox-bindings.ts";
import { createEventGuard } from "../wire/guard-events.ts";
import type { Logger } from "./log.ts";
import { openRedis, type ServingBase } from "./serving-base.ts";

export interface EgressApp {
  /** `metricsUrl`: undefined when no port for metrics is configured. */
  listen(): Promise<{ url: string; metricsUrl: string | undefined }>;
  /** Reports that it is not ready, so that load balancers stop sending requests. Requests are still served. */
  announceClose(): void;
  /** Keeps serving for `leadMs`, lets requests finish, writes what is still buffered, and closes everything. */
  close(leadMs?: number): Promise<void>;
}

export async function createEgressApp(
  config: Config,
  log: Logger,
  deps: ServingBase,
  given: Partial<EgressTimeouts> = {},
): Promise<EgressApp> {
  const { now, random, database, deploymentKeys } = deps;
  const { host, ports, requestsPerMinute, bytesPerHour } = config.egress;
  const timeouts: EgressTimeouts = { ...egressTimeouts, ...config.egress.waits, ...given };
  const guard: NetGuard = { resolve: resolveWith(config.egress), allowed: config.egress.allowed };
  // Each part closes before the parts that stand above it.
  await using opening = new AsyncDisposableStack();
  const redis = openRedis(opening, config, log);
  const share: ShareCount | undefined =
    redis && ((name, windowMs) => createSharedCount(name, windowMs, { redis, prefix: config.redisPrefix }));
  const usage = opening.adopt(createUsage({ requestsPerMinute, bytesPerHour }, share), (counts) => counts.flush());
  const sandboxUsage = createUsage({
    requestsPerMinute: config.egress.sandboxRequestsPerMinute,
    bytesPerHour: undefined,
  });
  const used = opening.adopt(
    createLastTimes<UsedSecret>((secrets) => touchSecretsUsed(database.background, secrets), {
      intervalMs: lastTimesIntervalMs,
      onLost: (error) => log.warn({ err: error }, "times of use could not be stored"),
    }),
    (times) => times.flush(),
  );
  const events = opening.adopt(
    createEgressEventLog(database.once, {
      newEventId: () => newId("egr", now(), random),
      onFolded: (event) => log.info(lineOf(event), "egress"),
      onLost: (error) => log.warn({ err: error }, "updates of egress events are lost"),
    }),
    (eventLog) => eventLog.flush(),
  );
  const values = opening.adopt(
    createValues((sandbox, binding, request) => openForEgress(deps, sandbox, binding, request)),
    (opened) => opened.clear(),
  );
  const upstreams = opening.adopt(createUpstreams(guard, rootsOf(config.egress), timeouts.dialMs), (hosts) =>
    hosts.close(),
  );
  const metrics = createEgressMetrics();
  const metricsServer = opening.adopt(createMetricsServer(metrics), (server) => server.close());
  // Sandboxes can ask without a token, and each check writes to the database. So the answer is kept for a moment.
  const readiness = createReadiness(() => database.isWritable());
  const onUnexpectedError = (error: unknown) => log.error({ err: error }, "egress");
  const server = createEgressServer({
    ...{ now, random, deploymentKeys, values, usage, sandboxUsage, upstreams, events, ports, timeouts },
    sandboxRecords: createSandboxRecords((lookupId) => findSandboxRecord(database, lookupId)),
    isReady: readiness.isReady,
    isPlaceholder: placeholderTest(placeholderShapes, placeholderMac(deploymentKeys)),
    refusalOfForeignPlaceholder: (sandbox, placeholder) => refusalOfForeignPlaceholder(database, sandbox, placeholder),
    failureLimits: createFailureLimits(config.rateLimitUnauthenticated),
    openTunnels: createOpenTunnels(),
    certificates: createCertificates((workspaceId) => workspaceCa(deps, workspaceId), deps),
    touchUsed: (secret) => used.note(secret.secretId, secret),
    measure: metrics.measure,
    log: (line) => log.info(line, "egress"),
    onUnknownClient(address) {
      metrics.countUnknownClient();
      log.info({ address }, "egress: the client presented no valid sandbox token for its address");
    },
    onUnexpectedError,
    guard: createEventGuard(onUnexpectedError),
  });
  let serveOnMs = 0;
  opening.defer(async () => {
    server.announceClose();
    await sleep(serveOnMs);
    await server.close(config.shutdownGraceMs);
  });
  const closing = opening.move();
  return {
    async listen() {
      const { metricsPort } = config.egress;
      const origin = `http://${host.includes(":") ? `[${host}]` : host}`;
      const { port } = await listenOn(server, "COFFER_EGRESS_PORT", config.egress.port, host);
      if (metricsPort === undefined) return { url: `${origin}:${port}`, metricsUrl: undefined };
      const shown = await listenOn(metricsServer, "COFFER_EGRESS_METRICS_PORT", metricsPort, host);
      return { url: `${origin}:${port}`, metricsUrl: `${origin}:${shown.port}/metrics` };
    },
    announceClose: server.announceClose,
    async close(leadMs = 0) {
      serveOnMs = leadMs;
      await closing.disposeAsync();
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

/** Returns the root certificates of Node, of the system and of the settings. */
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

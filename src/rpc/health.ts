// grpc.health.v1: load balancers ask whether to send calls here.
import type { ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";
import { CofferError } from "../domain/error/errors.ts";
import { streamLifetimeMs } from "./public-streams.ts";
import type { Readiness } from "./readiness.ts";
import { createSharedTicks } from "./shared-ticks.ts";

interface HealthDeps {
  readiness: Readiness;
  serviceNames: ReadonlySet<string>;
  lifetimeMs?: number;
}

const watchIntervalMs = 1_000;

/** The empty service name means the whole server. */
export function healthService({
  readiness,
  serviceNames,
  lifetimeMs = streamLifetimeMs,
}: HealthDeps): ServiceImpl<typeof Health> {
  const ticks = createSharedTicks(watchIntervalMs, readiness.stopping);
  const isKnown = (service: string) => service === "" || serviceNames.has(service);
  const statusNow = async () => ((await readiness.isReady()) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  return {
    async check({ service }) {
      if (!isKnown(service)) throw new CofferError("ROUTE_NOT_FOUND", "the service is not found");
      return { status: await statusNow() };
    },

    async list() {
      const status = await statusNow();
      return { statuses: Object.fromEntries(["", ...serviceNames].map((name) => [name, { status }])) };
    },

    /**
     * Sends the status at once and after each change; a server that stops sends NOT_SERVING last. Ends after its lifetime; the client
     * then opens it again.
     */
    async *watch({ service }, { signal }) {
      const { stopping } = readiness;
      const endMs = performance.now() + lifetimeMs;
      let last: ServingStatus | undefined;
      for (;;) {
        const status = isKnown(service) ? await statusNow() : ServingStatus.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        last = status;
        if (stopping.aborted || signal.aborted || performance.now() >= endMs) return;
        await ticks.next();
      }
    },
  };
}

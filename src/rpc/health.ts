// grpc.health.v1: load balancers ask whether to send calls here.
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";

interface HealthDeps {
  isReady: () => Promise<boolean>;
  serviceNames: ReadonlySet<string>;
}

const watchIntervalMs = 1_000;

/** The empty service name stands for the whole server. */
export function healthService({ isReady, serviceNames }: HealthDeps): ServiceImpl<typeof Health> {
  const isKnown = (service: string) => service === "" || serviceNames.has(service);
  const statusNow = async () => ((await isReady()) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  return {
    async check({ service }) {
      if (!isKnown(service)) throw new ConnectError("unknown service", Code.NotFound);
      return { status: await statusNow() };
    },

    async list() {
      const status = await statusNow();
      return { statuses: Object.fromEntries(["", ...serviceNames].map((name) => [name, { status }])) };
    },

    /** Says the status at once, and again whenever it changes. */
    async *watch({ service }, { signal }) {
      let last: ServingStatus | undefined;
      while (!signal.aborted) {
        const status = isKnown(service) ? await statusNow() : ServingStatus.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        last = status;
        await sleep(watchIntervalMs, undefined, { signal, ref: false }).catch(() => {});
      }
    },
  };
}

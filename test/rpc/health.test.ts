// grpc.health.v1: load balancers ask without a credential.
import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { protocols, transportFor } from "../support/transports.ts";

const coffer = useCoffer();
const services = [
  "coffer.v1.AccessService",
  "coffer.v1.AuditService",
  "coffer.v1.EgressService",
  "coffer.v1.ExternalVaultService",
  "coffer.v1.KeyService",
  "coffer.v1.SecretService",
  "coffer.v1.TokenService",
  "coffer.v1.WorkspaceService",
];

describe.each(protocols)("over %s", (protocol) => {
  const health = () => createClient(Health, transportFor(protocol, coffer.url));

  it("says that the server and each of its services serve", async () => {
    for (const service of ["", ...services]) {
      expect((await health().check({ service })).status).toBe(Status.SERVING);
    }
    const { statuses } = await health().list({});
    expect(Object.keys(statuses).sort()).toEqual(["", ...services]);
    expect(Object.values(statuses).map(({ status }) => status)).toEqual(
      Array(services.length + 1).fill(Status.SERVING),
    );
  });

  it("says that it knows no such service", async () => {
    expect((await errorOf(health().check({ service: "canary" }))).code).toBe("NotFound");
  });

  it("watches: the status at once, of an unknown service too", async () => {
    for (const [service, expected] of [
      ["", Status.SERVING],
      ["coffer.v1.TokenService", Status.SERVING],
      ["nobody", Status.SERVICE_UNKNOWN],
    ] as const) {
      const stop = new AbortController();
      const seen: Status[] = [];
      const watching = (async () => {
        for await (const { status } of health().watch({ service }, { signal: stop.signal })) {
          seen.push(status);
          stop.abort();
        }
      })();
      await watching.catch(() => {});
      expect(seen).toEqual([expected]);
    }
  });
});

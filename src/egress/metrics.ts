// The metrics of the proxy for Prometheus. They contain no names of workspaces, sandboxes, secrets or hosts.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, Histogram, Registry } from "prom-client";
import type { EgressErrorCode } from "../domain/egress/egress-event.ts";

/** One request that has ended. */
export interface Measured {
  status: number;
  errorCode: EgressErrorCode;
  isSwapped: boolean;
  /** The time until the answer began. */
  latencyMs: number;
  requestBytes: number;
  responseBytes: number;
}

export interface EgressMetrics {
  measure(request: Measured): void;
  /** Counts a client without a valid sandbox token. */
  countUnknownClient(): void;
  text(): Promise<string>;
  contentType: string;
}

const latencyBucketsS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createEgressMetrics(): EgressMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "coffer_egress_requests_total",
    help: "Requests of sandboxes, by the class of the answer's status, why it was refused or failed, and whether a secret was put in",
    labelNames: ["status", "error_code", "swapped"] as const,
    registers,
  });
  const bytes = new Counter({
    name: "coffer_egress_body_bytes_total",
    help: "Bytes of bodies that went through, up to the hosts and down from them",
    labelNames: ["direction"] as const,
    registers,
  });
  const latency = new Histogram({
    name: "coffer_egress_latency_seconds",
    help: "From a request's head to the head of its answer, with the commit of its event",
    labelNames: ["swapped"] as const,
    buckets: latencyBucketsS,
    registers,
  });
  const unknown = new Counter({
    name: "coffer_egress_unknown_total",
    help: "Requests without the token of a sandbox, or from another address than its own",
    registers,
  });
  return {
    countUnknownClient: () => unknown.inc(),
    measure({ status, errorCode, isSwapped, latencyMs, requestBytes, responseBytes }) {
      const swapped = String(isSwapped);
      requests.inc({ status: `${Math.floor(status / 100)}xx`, error_code: errorCode, swapped });
      bytes.inc({ direction: "up" }, requestBytes);
      bytes.inc({ direction: "down" }, responseBytes);
      latency.observe({ swapped }, latencyMs / 1_000);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

export interface MetricsServer {
  listen(port: number, host: string): Promise<{ port: number }>;
  close(): void;
}

/** Serves the metrics on a separate port, which sandboxes need not reach. */
export function createMetricsServer(metrics: EgressMetrics): MetricsServer {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    metrics.text().then(
      (text) =>
        response.writeHead(200, { "content-type": metrics.contentType, "x-content-type-options": "nosniff" }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => resolve({ port: (server.address() as AddressInfo).port }));
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

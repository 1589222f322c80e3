// Reads the settings of the egress proxy.
import { X509Certificate } from "node:crypto";
import { Resolver } from "node:dns";
import type { BlockList } from "node:net";
import type { EgressWaits } from "../domain/egress/timeouts.ts";
import { StartupError } from "../domain/error/startup-error.ts";
import { addresses, type Environment, integer, list, readText, text } from "./settings.ts";

export interface EgressConfig {
  readonly host: string;
  readonly port: number;
  /** The port of the metrics; undefined: no metrics. */
  readonly metricsPort: number | undefined;
  /** The ports that requests may go to. */
  readonly ports: ReadonlySet<number>;
  /** Addresses that the proxy may connect to although they are not public. */
  readonly allowed: BlockList;
  /** Root certificates in PEM that the proxy accepts besides those of the system. */
  readonly roots: string | undefined;
  /** Name servers that the proxy asks instead of those of the system. */
  readonly dnsServers: readonly string[];
  /** The limit of one sandbox with one secret; undefined: no limit. */
  readonly requestsPerMinute: number | undefined;
  /** The limit of one sandbox with one secret, in both directions together. */
  readonly bytesPerHour: number | undefined;
  /** The limit of one sandbox in one process. Tunnels and refused requests count too. */
  readonly sandboxRequestsPerMinute: number;
  readonly waits: EgressWaits;
}

export function readEgressConfig(env: Environment): EgressConfig {
  const limit = (name: string, max: number) =>
    text(env, name) === undefined ? undefined : integer(env, name, { byDefault: 1, min: 1, max });
  const caFile = text(env, "COFFER_EGRESS_CA_FILE");
  return {
    host: text(env, "COFFER_EGRESS_HOST") ?? "127.0.0.1",
    port: integer(env, "COFFER_EGRESS_PORT", { byDefault: 8081, min: 0, max: 65_535 }),
    metricsPort:
      text(env, "COFFER_EGRESS_METRICS_PORT") === undefined
        ? undefined
        : integer(env, "COFFER_EGRESS_METRICS_PORT", { byDefault: 0, min: 0, max: 65_535 }),
    ports: egressPorts(env),
    allowed: addresses(env, "COFFER_EGRESS_ALLOW_PRIVATE"),
    roots: caFile === undefined ? undefined : certificates("COFFER_EGRESS_CA_FILE", caFile),
    dnsServers: dnsServers(env),
    requestsPerMinute: limit("COFFER_EGRESS_RPM", 10_000_000),
    bytesPerHour: limit("COFFER_EGRESS_BYTES", 999_999_999),
    sandboxRequestsPerMinute: integer(env, "COFFER_EGRESS_SANDBOX_RPM", { byDefault: 6_000, min: 1, max: 10_000_000 }),
    waits: {
      answerMs: integer(env, "COFFER_EGRESS_ANSWER_TIMEOUT_MS", { byDefault: 600_000, min: 1_000, max: 86_400_000 }),
      bodyMs: integer(env, "COFFER_EGRESS_BODY_TIMEOUT_MS", { byDefault: 600_000, min: 1_000, max: 86_400_000 }),
      idleMs: integer(env, "COFFER_EGRESS_IDLE_TIMEOUT_MS", { byDefault: 0, min: 0, max: 604_800_000 }),
    },
  };
}

function egressPorts(env: Environment): ReadonlySet<number> {
  const ports = list(text(env, "COFFER_EGRESS_PORTS") ?? "443");
  if (ports.length > 0 && ports.every((port) => /^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= 65_535)) {
    return new Set(ports.map(Number));
  }
  throw new StartupError("COFFER_EGRESS_PORTS must be ports, separated by commas");
}

function dnsServers(env: Environment): string[] {
  const servers = list(text(env, "COFFER_EGRESS_DNS") ?? "");
  try {
    new Resolver().setServers(servers);
  } catch (cause) {
    throw new StartupError("COFFER_EGRESS_DNS must be addresses, with or without a port, separated by commas", {
      cause,
    });
  }
  return servers;
}

function certificates(name: string, path: string): string {
  const pem = readText(name, path);
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const certificate of found) new X509Certificate(certificate);
    if (found.length > 0) return pem;
  } catch {
    // Reported below.
  }
  throw new StartupError(`${name} must hold certificates in PEM`);
}

/** Returns the URL of the proxy for programs on the same machine; undefined when the port is chosen later or the proxy listens on every address. */
export function egressOrigin({ host, port }: Pick<EgressConfig, "host" | "port">): string | undefined {
  if (port === 0 || host === "0.0.0.0" || host === "::") return undefined;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

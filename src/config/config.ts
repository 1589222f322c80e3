// Reads the environment variables `COFFER_*` once at start, and checks and freezes them.
import type { BlockList } from "node:net";
import { join, resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { StartupError } from "../domain/error/startup-error.ts";
import type { VaultSettings } from "../external-vault/external-vaults.ts";
import type { JwtIssuer } from "../jwt/issuer.ts";
import { readIssuers } from "../jwt/read-issuers.ts";
import { type ProbeUrls, probeEndpoints } from "../probes/endpoints.ts";
import type { ProbeSettings } from "../probes/prober.ts";
import { readRedisUrl, redisProtocols, redisUrlForms } from "../redis/redis-url.ts";
import { type EgressConfig, readEgressConfig } from "./egress.ts";
import {
  addresses,
  type Environment,
  integer,
  list,
  oneOf,
  readText,
  secretFile,
  serviceUrl,
  text,
  url,
  word,
} from "./settings.ts";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** No setting names the port. If it is taken, coffer takes a free one. */
  readonly portIsDefault: boolean;
  /** The number of processes that serve the port. */
  readonly workers: number;
  /** An absolute path. */
  readonly dataDir: string;
  /** Undefined: the bundled Postgres. */
  readonly databaseUrl: string | undefined;
  readonly databasePassword: string | undefined;
  readonly databasePoolSize: number;
  readonly migrateOnStart: boolean;
  /** Undefined: this process counts limits for itself. */
  readonly redisUrl: string | undefined;
  readonly redisPassword: string | undefined;
  /** The password of the Sentinels themselves. */
  readonly redisSentinelPassword: string | undefined;
  readonly redisPrefix: string;
  readonly rootKeyFile: string;
  /** Whether coffer may make a missing root key file. Only true with the bundled Postgres. */
  readonly mayCreateRootKey: boolean;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** The URL at which people see secrets, without a slash at its end; undefined: no console. */
  readonly consoleUrl: string | undefined;
  /** The URL of the egress proxy that sandboxes receive; undefined: they receive none. */
  readonly egressUrl: string | undefined;
  /** The issuers whose JWTs coffer accepts. */
  readonly jwtIssuers: readonly JwtIssuer[];
  readonly regions: readonly [string, ...string[]];
  readonly trustedProxies: BlockList;
  /** Requests per second. */
  readonly rateLimitPrincipal: number;
  /** Requests per second. */
  readonly rateLimitWorkspace: number;
  /** Requests without a credential or with a malformed one, per minute and address. The limit of failed look-ups is ten times as large. */
  readonly rateLimitUnauthenticated: number;
  /** The settings of probes. */
  readonly validation: ProbeSettings;
  /** The settings of external vaults. */
  readonly vaults: VaultSettings;
  /** The egress proxy. */
  readonly egress: EgressConfig;
  readonly logFormat: "text" | "json";
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** How long coffer keeps serving after SIGTERM, so that load balancers stop sending calls first. */
  readonly shutdownLeadMs: number;
  /** How long coffer then waits for running calls. */
  readonly shutdownGraceMs: number;
  /** Whether this instance runs jobs. */
  readonly jobs: boolean;
  /** How often each job looks for work. */
  readonly jobsIntervalMs: number;
  /** The number of days after which events are dropped; undefined: never. */
  readonly eventRetention: { readonly auditDays: number | undefined; readonly egressDays: number | undefined };
  /** Variables that look like settings but are not. They may be misspelled. */
  readonly unknownSettings: readonly string[];
}

/** Reads the settings. Fails with a StartupError that names the variable that is not valid. Empty variables count as unset. */
export function loadConfig(environment: Environment): Config {
  const asked = new Set<string>();
  const env = new Proxy(environment, {
    get: (target, name) => {
      asked.add(String(name));
      return target[String(name)];
    },
  });
  const dataDir = resolve(text(env, "COFFER_DATA_DIR") ?? ".coffer");
  const databaseUrl = url(env, "COFFER_DATABASE_URL", ["postgres:", "postgresql:"]);
  const rootKeyFile = text(env, "COFFER_ROOT_KEY_FILE");
  if (databaseUrl && !rootKeyFile) {
    throw new StartupError("COFFER_ROOT_KEY_FILE is required with COFFER_DATABASE_URL");
  }
  return Object.freeze({
    host: text(env, "COFFER_HOST") ?? "127.0.0.1",
    portIsDefault: text(env, "COFFER_PORT") === undefined,
    port: integer(env, "COFFER_PORT", { byDefault: 8080, min: 0, max: 65_535 }),
    workers: integer(env, "COFFER_WORKERS", { byDefault: 1, min: 1, max: 64 }),
    dataDir,
    databaseUrl,
    databasePassword: secretFile(env, "COFFER_DATABASE_PASSWORD_FILE"),
    databasePoolSize: integer(env, "COFFER_DATABASE_POOL_SIZE", { byDefault: 10, min: 1, max: 1_000 }),
    migrateOnStart: oneOf(env, "COFFER_MIGRATE", ["auto", "check"]) === "auto",
    redisUrl: redisUrl(env),
    redisPassword: secretFile(env, "COFFER_REDIS_PASSWORD_FILE"),
    redisSentinelPassword: secretFile(env, "COFFER_REDIS_SENTINEL_PASSWORD_FILE"),
    redisPrefix: word(env, "COFFER_REDIS_PREFIX") ?? "coffer",
    rootKeyFile: rootKeyFile ? resolve(rootKeyFile) : join(dataDir, "root.key"),
    mayCreateRootKey: rootKeyFile === undefined,
    tls: tls(env),
    consoleUrl: consoleUrl(env),
    egressUrl: egressUrl(env),
    jwtIssuers: jwtIssuers(env),
    regions: regions(env),
    trustedProxies: addresses(env, "COFFER_TRUSTED_PROXIES"),
    rateLimitPrincipal: integer(env, "COFFER_RATE_LIMIT_PRINCIPAL", { byDefault: 600, min: 1, max: 10_000_000 }),
    rateLimitWorkspace: integer(env, "COFFER_RATE_LIMIT_WORKSPACE", { byDefault: 3_000, min: 1, max: 10_000_000 }),
    rateLimitUnauthenticated: integer(env, "COFFER_RATE_LIMIT_UNAUTHENTICATED", {
      byDefault: 60,
      min: 1,
      max: 10_000_000,
    }),
    validation: validation(env),
    vaults: { allowed: addresses(env, "COFFER_VAULT_ALLOW_PRIVATE") },
    egress: readEgressConfig(env),
    logFormat: oneOf(env, "COFFER_LOG_FORMAT", ["text", "json"]),
    logLevel: oneOf(env, "COFFER_LOG_LEVEL", ["info", "debug", "warn", "error"]),
    shutdownLeadMs: integer(env, "COFFER_SHUTDOWN_LEAD_MS", { byDefault: 5_000, min: 0, max: 600_000 }),
    shutdownGraceMs: integer(env, "COFFER_SHUTDOWN_GRACE_MS", { byDefault: 10_000, min: 0, max: 600_000 }),
    jobs: oneOf(env, "COFFER_JOBS", ["on", "off"]) === "on",
    jobsIntervalMs: integer(env, "COFFER_JOBS_INTERVAL_MS", { byDefault: 60_000, min: 50, max: 86_400_000 }),
    eventRetention: {
      auditDays: retentionDays(env, "COFFER_AUDIT_RETENTION_DAYS", 0),
      egressDays: retentionDays(env, "COFFER_EGRESS_RETENTION_DAYS", 90),
    },
    // Last, when every setting has been read.
    unknownSettings: Object.keys(environment).filter((name) => /^COFFER_(?!TEST_)/.test(name) && !asked.has(name)),
  });
}

function redisUrl(env: Environment): string | undefined {
  const given = url(env, "COFFER_REDIS_URL", redisProtocols);
  if (given === undefined || readRedisUrl(given)) return given;
  throw new StartupError(`COFFER_REDIS_URL must be ${redisUrlForms}`);
}

/** 0: events are never dropped. */
function retentionDays(env: Environment, name: string, byDefault: number): number | undefined {
  return integer(env, name, { byDefault, min: 0, max: 36_500 }) || undefined;
}

function consoleUrl(env: Environment): string | undefined {
  const given = url(env, "COFFER_CONSOLE_URL", ["https:", "http:"]);
  if (given === undefined) return undefined;
  // With an id behind it the URL has at most 2,048 characters, which is what clients accept.
  if (URL.canParse(given) && given.length <= 1_900 && !/[?#]/.test(given)) return given.replace(/\/+$/, "");
  throw new StartupError("COFFER_CONSOLE_URL must be a URL of at most 1900 characters, without a query");
}

function egressUrl(env: Environment): string | undefined {
  const given = url(env, "COFFER_EGRESS_URL", ["https:", "http:"]);
  if (given === undefined) return undefined;
  const parsed = URL.parse(given);
  if (parsed && parsed.href === `${parsed.origin}/`) return parsed.origin;
  throw new StartupError("COFFER_EGRESS_URL must be a URL with only a scheme, a host and a port");
}

function tls(env: Environment): Config["tls"] {
  const certFile = text(env, "COFFER_TLS_CERT_FILE");
  const keyFile = text(env, "COFFER_TLS_KEY_FILE");
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new StartupError("COFFER_TLS_CERT_FILE and COFFER_TLS_KEY_FILE must be set together");
  }
  const files = { cert: readText("COFFER_TLS_CERT_FILE", certFile), key: readText("COFFER_TLS_KEY_FILE", keyFile) };
  try {
    createSecureContext(files);
  } catch (cause) {
    const message = "COFFER_TLS_CERT_FILE and COFFER_TLS_KEY_FILE must hold a certificate and its key in PEM";
    throw new StartupError(message, { cause });
  }
  return files;
}

function jwtIssuers(env: Environment): Config["jwtIssuers"] {
  const path = text(env, "COFFER_JWT_ISSUERS_FILE");
  return path === undefined ? [] : readIssuers("COFFER_JWT_ISSUERS_FILE", path);
}

function regions(env: Environment): Config["regions"] {
  const names = list(text(env, "COFFER_REGIONS") ?? "default");
  const [first, ...others] = names;
  if (first === undefined || names.some((name) => !/^[a-z][a-z0-9-]{0,62}$/.test(name))) {
    throw new StartupError("COFFER_REGIONS must be names of lower-case letters, digits and -, separated by commas");
  }
  if (new Set(names).size < names.length) throw new StartupError("COFFER_REGIONS names a region twice");
  return [first, ...others];
}

function validation(env: Environment): ProbeSettings {
  return {
    isOn: oneOf(env, "COFFER_VALIDATION", ["on", "off"]) === "on",
    revalidateAfterMs:
      integer(env, "COFFER_VALIDATION_INTERVAL_HOURS", { byDefault: 24, min: 1, max: 8_760 }) * 3_600_000,
    allowed: addresses(env, "COFFER_VALIDATION_ALLOW_PRIVATE"),
    urls: Object.fromEntries(
      Object.entries(probeEndpoints).map(([service, { setting, byDefault }]) => [
        service,
        serviceUrl(env, setting) ?? byDefault,
      ]),
    ) as ProbeUrls,
  };
}

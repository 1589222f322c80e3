// Settings: what each may be, and one line that names the variable for what it may not.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadConfig } from "../src/config/config.ts";
import { StartupError } from "../src/domain/error/startup-error.ts";

const dir = mkdtempSync(join(tmpdir(), "coffer-config-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const fixture = (name: string) => fileURLToPath(new URL(`http/fixtures/${name}`, import.meta.url));
const cert = fixture("localhost.cert.pem");
const key = fixture("localhost.key.pem");
const canary = "canary-3c1b";

describe("the defaults", () => {
  it("serve on this machine only, with the bundled Postgres and no Redis", () => {
    expect(loadConfig({})).toMatchObject({
      host: "127.0.0.1",
      port: 8080,
      dataDir: resolve(".coffer"),
      databaseUrl: undefined,
      databasePoolSize: 10,
      migrateOnStart: true,
      redisUrl: undefined,
      redisPrefix: "coffer",
      rootKeyFile: resolve(".coffer/root.key"),
      mayCreateRootKey: true,
      tls: undefined,
      consoleUrl: undefined,
      jwtIssuers: [],
      regions: ["default"],
      rateLimitPrincipal: 600,
      rateLimitWorkspace: 3_000,
      rateLimitUnauthenticated: 60,
      validation: {
        isOn: true,
        revalidateAfterMs: 86_400_000,
        urls: {
          hcloud: "https://api.hetzner.cloud/v1",
          aws: "https://sts.amazonaws.com",
          gcp: "https://oauth2.googleapis.com/token",
          azure: "https://login.microsoftonline.com",
          ociRegistry: undefined,
          cloudflare: "https://api.cloudflare.com/client/v4",
        },
      },
      logFormat: "text",
      logLevel: "info",
      shutdownLeadMs: 5_000,
      shutdownGraceMs: 10_000,
      jobs: true,
      jobsIntervalMs: 60_000,
    });
  });

  it("hold for empty variables too, and nothing can be changed afterwards", () => {
    const names = ["PORT", "HOST", "DATABASE_URL", "REDIS_URL", "REGIONS", "TLS_CERT_FILE", "LOG_LEVEL", "MIGRATE"];
    const config = loadConfig(Object.fromEntries(names.map((name) => [`COFFER_${name}`, ""])));
    expect({ ...config, trustedProxies: undefined }).toEqual({ ...loadConfig({}), trustedProxies: undefined });
    expect(Object.isFrozen(config)).toBe(true);
  });
});

describe("takes", () => {
  it("every setting", () => {
    const password = file("password", "secret word\r\n");
    expect(
      loadConfig({
        COFFER_HOST: "::1",
        COFFER_PORT: "0",
        COFFER_DATA_DIR: dir,
        COFFER_DATABASE_URL: "postgresql:///db?host=/tmp",
        COFFER_DATABASE_PASSWORD_FILE: password,
        COFFER_DATABASE_POOL_SIZE: "1000",
        COFFER_MIGRATE: "check",
        COFFER_REDIS_URL: "rediss://localhost",
        COFFER_REDIS_PASSWORD_FILE: password,
        COFFER_REDIS_PREFIX: "a.b:c_d-1",
        COFFER_ROOT_KEY_FILE: "root.key",
        COFFER_TLS_CERT_FILE: cert,
        COFFER_TLS_KEY_FILE: key,
        COFFER_CONSOLE_URL: "https://console.example.com/app//",
        COFFER_REGIONS: "eu-1, us-1",
        COFFER_VALIDATION: "off",
        COFFER_VALIDATION_INTERVAL_HOURS: "8760",
        COFFER_VALIDATION_AWS_URL: "https://sts.eu-central-1.amazonaws.com/",
        COFFER_VALIDATION_OCI_REGISTRY_URL: "http://registry.inside:5000",
        COFFER_LOG_FORMAT: "json",
        COFFER_LOG_LEVEL: "error",
        COFFER_SHUTDOWN_GRACE_MS: "0",
        COFFER_JOBS: "off",
        COFFER_JOBS_INTERVAL_MS: "50",
      }),
    ).toMatchObject({
      host: "::1",
      port: 0,
      dataDir: dir,
      databasePassword: "secret word",
      databasePoolSize: 1000,
      migrateOnStart: false,
      redisUrl: "rediss://localhost",
      redisPassword: "secret word",
      redisPrefix: "a.b:c_d-1",
      rootKeyFile: resolve("root.key"),
      mayCreateRootKey: false,
      tls: { cert: expect.stringContaining("CERTIFICATE"), key: expect.stringContaining("PRIVATE KEY") },
      consoleUrl: "https://console.example.com/app",
      regions: ["eu-1", "us-1"],
      validation: {
        isOn: false,
        revalidateAfterMs: 8_760 * 3_600_000,
        urls: { aws: "https://sts.eu-central-1.amazonaws.com", ociRegistry: "http://registry.inside:5000" },
      },
      logFormat: "json",
      logLevel: "error",
      shutdownGraceMs: 0,
      jobs: false,
      jobsIntervalMs: 50,
    });
  });

  it("trusted proxies as addresses and ranges of both families", () => {
    const { trustedProxies } = loadConfig({ COFFER_TRUSTED_PROXIES: "10.0.0.0/8, 192.0.2.1,2001:db8::/32 ,::1" });
    for (const [address, family, isTrusted] of [
      ["10.255.0.1", "ipv4", true],
      ["11.0.0.1", "ipv4", false],
      ["192.0.2.1", "ipv4", true],
      ["192.0.2.2", "ipv4", false],
      ["2001:db8:1::1", "ipv6", true],
      ["2001:db9::1", "ipv6", false],
      ["::1", "ipv6", true],
    ] as const) {
      expect([address, trustedProxies.check(address, family)]).toEqual([address, isTrusted]);
    }
  });
});

describe("refuses", () => {
  const longerThan = (count: number) => "x".repeat(count + 1);
  const bad: Record<string, string[]> = {
    COFFER_PORT: ["-1", "65536", "80a", " 80", "1e3", "0x50", "8080.0", canary, "9".repeat(30)],
    COFFER_DATABASE_URL: [canary, "http://x", `mysql://${canary}`, "postgres:x", "localhost:5432", "POSTGRES://x"],
    COFFER_DATABASE_PASSWORD_FILE: [join(dir, "missing"), dir],
    COFFER_DATABASE_POOL_SIZE: ["0", "1001", "-1", canary],
    COFFER_MIGRATE: ["yes", "AUTO", canary],
    COFFER_REDIS_URL: [canary, "http://x", "redis:x", "localhost:6379", "redis+sentinel://x", "redis+cluster://x/y"],
    COFFER_REDIS_PASSWORD_FILE: [join(dir, "missing")],
    COFFER_JWT_ISSUERS_FILE: [join(dir, "missing"), dir, cert],
    COFFER_REDIS_PREFIX: ["a b", "{a}", longerThan(64), "*"],
    COFFER_CONSOLE_URL: [canary, "ftp://x", "https://", "https://x?a=b", "https://x#a", `https://${longerThan(1_900)}`],
    COFFER_REGIONS: [",", "Eu", "1eu", "a,a", "a b", "_", longerThan(63), "a,,B"],
    COFFER_VALIDATION: ["yes", "ON"],
    COFFER_VALIDATION_INTERVAL_HOURS: ["0", "8761", "1.5"],
    COFFER_VALIDATION_ALLOW_PRIVATE: ["x", "10.0.0.0/33", "localhost"],
    COFFER_VAULT_ALLOW_PRIVATE: ["x", "10.0.0.0/33", "vault.internal"],
    COFFER_VALIDATION_HCLOUD_URL: [
      "api.example.com",
      "ftp://api.example.com",
      `https://user:${canary}@api.example.com`,
    ],
    COFFER_VALIDATION_OCI_REGISTRY_URL: ["https://", `https://registry.example.com/?${canary}`],
    COFFER_TRUSTED_PROXIES: ["x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/9", "::1/129", "10.0.0.0/", "10.0.0"],
    COFFER_RATE_LIMIT_PRINCIPAL: ["0", "10000001", canary],
    COFFER_RATE_LIMIT_WORKSPACE: ["0", "1.5"],
    COFFER_RATE_LIMIT_UNAUTHENTICATED: ["0", "-5"],
    COFFER_LOG_FORMAT: ["xml", "JSON"],
    COFFER_LOG_LEVEL: ["trace", "silent", "INFO"],
    COFFER_SHUTDOWN_GRACE_MS: ["-1", "600001", "1s"],
    COFFER_JOBS: ["yes", "ON", "0", canary],
    COFFER_JOBS_INTERVAL_MS: ["0", "49", "86400001", "1m"],
  };
  const cases = Object.entries(bad).flatMap(([name, values]) => values.map((value) => [name, value] as const));

  function refusal(env: Record<string, string>): string {
    try {
      loadConfig(env);
    } catch (error) {
      expect(error).toBeInstanceOf(StartupError);
      return (error as StartupError).message;
    }
    throw new Error("it was taken");
  }

  it.each(cases)("%s = %j in one line that names the variable, without the value of a URL", (name, value) => {
    const message = refusal({ COFFER_ROOT_KEY_FILE: "k", [name]: value });
    expect(message).toContain(name);
    expect(message).not.toContain("\n");
    expect(message).not.toContain("canary");
  });

  it("an external database without a root key file: it could not be made there", () => {
    expect(refusal({ COFFER_DATABASE_URL: "postgres://x" })).toContain("COFFER_ROOT_KEY_FILE");
  });

  it.each([
    ["only one of them", { COFFER_TLS_CERT_FILE: cert }],
    ["only the other", { COFFER_TLS_KEY_FILE: key }],
    ["a file that is not there", { COFFER_TLS_CERT_FILE: cert, COFFER_TLS_KEY_FILE: join(dir, "missing") }],
    ["what is no certificate", { COFFER_TLS_CERT_FILE: file("no.pem", canary), COFFER_TLS_KEY_FILE: key }],
    ["what is no key", { COFFER_TLS_CERT_FILE: cert, COFFER_TLS_KEY_FILE: file("no.key", canary) }],
    ["a certificate in the place of the key", { COFFER_TLS_CERT_FILE: cert, COFFER_TLS_KEY_FILE: cert }],
  ])("TLS files: %s", (_, env) => {
    const message = refusal(env);
    expect(message).toMatch(/COFFER_TLS_(?:CERT|KEY)_FILE/);
    expect(message).not.toContain("\n");
    expect(message).not.toContain("canary");
  });
});

// A whole coffer in this process for a test file: real Postgres, real Redis, a port of its own.
import { randomBytes } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { Client } from "pg";
import pino from "pino";
import { afterAll, beforeAll, inject } from "vitest";
import { AccessService } from "../../gen/coffer/v1/access_service_pb.ts";
import { AuditService } from "../../gen/coffer/v1/audit_service_pb.ts";
import { EgressService } from "../../gen/coffer/v1/egress_service_pb.ts";
import { ExternalVaultService } from "../../gen/coffer/v1/external_vault_service_pb.ts";
import { KeyService } from "../../gen/coffer/v1/key_service_pb.ts";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { type Role, TokenService } from "../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceService } from "../../gen/coffer/v1/workspace_service_pb.ts";
import type { Surface } from "../../src/call/surface.ts";
import { createApp } from "../../src/compose/app.ts";
import { type Config, loadConfig } from "../../src/config/config.ts";
import { type Keyring, parseKeyring } from "../../src/envelope/keyring.ts";
import { bootstrap } from "../../src/operations/workspaces/bootstrap.ts";
import type { Deps } from "../../src/runtime/deps.ts";
import { openDatabase } from "../../src/store/database.ts";
import { createTestDatabase } from "./database.ts";

export interface TestCofferOptions {
  /** Settings as environment variables. */
  env?: Record<string, string>;
  /** Share another one's database and keyring: a second instance of the same deployment. */
  besides?: TestCoffer;
  /** `null`: none; the run's Redis unless given. */
  redisUrl?: string | null;
  /** Another way to the same database for coffer itself: a proxy of the test's. */
  through?: (databaseUrl: string) => string | Promise<string>;
  /** Served besides coffer's own surfaces. */
  surfaces?: readonly Surface[];
}

export interface TestCoffer {
  url: string;
  databaseUrl: string;
  keyring: Keyring;
  config: Config;
  ownerToken: string;
  /** The dependencies of its operations. */
  deps: Deps;
  /** Everything that was logged, as JSON lines. */
  logLines: string[];
  /** Clients over the Connect protocol with this token; the owner's unless given. */
  clients(token?: string): ReturnType<typeof createClients>;
  /** A token of a new service principal. */
  tokenWithRole(role: Role, scopes?: string[]): Promise<string>;
  /** Sends a request as it is; JSON bodies are serialized. */
  fetch(path: string, init?: FetchInit): Promise<Response>;
  /** Runs SQL behind coffer's back. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export interface FetchInit {
  method?: string;
  /** The owner's unless given; `null` sends none. */
  token?: string | null;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: string | Uint8Array;
}

/** The coffer of a test file: there while its tests run. */
export function useCoffer(options: TestCofferOptions = {}): TestCoffer {
  const coffer = {} as TestCoffer;
  beforeAll(async () => {
    Object.assign(coffer, await startCoffer(options));
  });
  afterAll(() => coffer.close());
  return coffer;
}

export async function startCoffer(options: TestCofferOptions = {}): Promise<TestCoffer> {
  const { besides } = options;
  const place = besides ? { url: besides.databaseUrl, drop: async () => {} } : await createTestDatabase();
  const keyring = besides?.keyring ?? parseKeyring(randomBytes(32).toString("base64"));
  const redisUrl = options.redisUrl === undefined ? inject("redisUrl") : (options.redisUrl ?? "");
  const config = loadConfig({
    COFFER_PORT: "0",
    COFFER_DATABASE_URL: place.url,
    COFFER_ROOT_KEY_FILE: "/dev/null",
    COFFER_REDIS_URL: redisUrl,
    COFFER_REDIS_PREFIX: besides?.config.redisPrefix ?? `test-${randomBytes(6).toString("hex")}`,
    COFFER_RATE_LIMIT_PRINCIPAL: "100000",
    COFFER_RATE_LIMIT_WORKSPACE: "100000",
    COFFER_RATE_LIMIT_UNAUTHENTICATED: "100000",
    COFFER_SHUTDOWN_GRACE_MS: "2000",
    // Tests that move times see what callers see, not what a job made of it; those of jobs switch them on.
    COFFER_JOBS: "off",
    // No test calls the services of the world; those of test/support/services.ts are there to be tried.
    COFFER_VALIDATION: "off",
    ...options.env,
  });
  const logLines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void logLines.push(line) });
  const connectionString = (await options.through?.(place.url)) ?? place.url;
  const database = openDatabase({ connectionString, poolSize: config.databasePoolSize });
  const app = await createApp({ config, log, database, keyring, surfaces: options.surfaces ?? [] });
  let ownerToken = besides?.ownerToken ?? "";
  await bootstrap(app.deps, async (token) => {
    ownerToken = token;
  });
  const { url } = await app.listen();
  const clients = (token = ownerToken) => createClients(url, token);
  return {
    url,
    databaseUrl: place.url,
    keyring,
    config,
    ownerToken,
    deps: app.deps,
    logLines,
    clients,
    async tokenWithRole(role, scopes = []) {
      return (await clients().tokens.createToken({ displayName: "a test's token", role, scopes })).token;
    },
    fetch: (path, init = {}) =>
      send(url + path, { ...init, token: init.token === undefined ? ownerToken : init.token }),
    sql: (text, values) => runSql(place.url, text, values),
    async close() {
      await app.close();
      await place.drop();
    },
  };
}

export function createClients(url: string, token: string) {
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "1.1",
    interceptors: [
      (next) => (req) => {
        req.header.set("authorization", `Bearer ${token}`);
        return next(req);
      },
    ],
  });
  return {
    access: createClient(AccessService, transport),
    audit: createClient(AuditService, transport),
    egress: createClient(EgressService, transport),
    keys: createClient(KeyService, transport),
    vaults: createClient(ExternalVaultService, transport),
    secrets: createClient(SecretService, transport),
    tokens: createClient(TokenService, transport),
    workspaces: createClient(WorkspaceService, transport),
  };
}

function send(url: string, { method, token, headers = {}, json, body }: FetchInit): Promise<Response> {
  const content = json === undefined ? body : JSON.stringify(json);
  return fetch(url, {
    method: method ?? (content === undefined ? "GET" : "POST"),
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(content === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(content === undefined ? {} : { body: content }),
  });
}

async function runSql(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

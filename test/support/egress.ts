// The egress proxy of a test file, with hosts of the test's own to go to: their names, their certificates, their answers.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import pino from "pino";
import { afterAll, beforeAll } from "vitest";
import { createEgressApp } from "../../src/compose/egress-app.ts";
import { loadConfig } from "../../src/config/config.ts";
import type { EgressRule } from "../../src/domain/egress/egress-rule.ts";
import { customShape, newPlaceholder } from "../../src/domain/egress/placeholder.ts";
import type { EgressTimeouts } from "../../src/domain/egress/timeouts.ts";
import { newId } from "../../src/domain/ids.ts";
import { coveredOfBinding, coveredOfEgressRule, coveredOfSandbox, macOf } from "../../src/integrity/row-macs.ts";
import { makeCa, makeLeafKey, mintLeaf } from "../../src/steps/egress/certificates.ts";
import { placeholderMac } from "../../src/steps/egress/placeholders.ts";
import { newSandboxToken } from "../../src/steps/egress/sandbox-token.ts";
import { insertBinding } from "../../src/store/sandbox-bindings.ts";
import { insertSandbox } from "../../src/store/sandboxes.ts";
import type { TestCoffer } from "./coffer.ts";
import { startDns, type TestDns } from "./dns.ts";
import { makeRunDir } from "./run-dir.ts";
import { createSecret, data } from "./secrets.ts";

export interface TestSandbox {
  id: string;
  token: string;
  workspaceId: string;
}

export interface Bound {
  secretId: string;
  placeholder: string;
}

export interface TestEgress {
  url: string;
  port: number;
  metricsUrl: string;
  /** The port of the hosts. The test's own server answers for all of them. */
  upstreamPort: number;
  dns: TestDns;
  /** The environment of a proxy in another process. */
  env: Record<string, string>;
  logLines: string[];
  dir: string;
  /** Requests that a host got, the last one last. */
  seen: { method: string; url: string; headers: IncomingHttpHeaders; rawHeaders: string[]; body: string }[];
}

export interface EgressOptions {
  env?: Record<string, string>;
  timeouts?: Partial<EgressTimeouts>;
  /** The answer of the hosts; an echo of the request by default. */
  answer?: RequestListener;
  upgrade?: (request: IncomingMessage, socket: Duplex, early: Buffer) => void;
  /** Names that lead to the test's server. */
  hosts: readonly string[];
  /** Another Redis than coffer's. */
  redisUrl?: () => string;
  /** The address of that server, the only allowed non-public address; 127.0.0.1 by default. */
  address?: string;
}

export const bearerFor = (...hosts: string[]): EgressRule => ({
  hosts,
  schemes: [{ hosts, scheme: { type: "bearer" } }],
  isPerHost: false,
  limits: { methods: [], pathPrefixes: [] },
});

export function useEgress(coffer: TestCoffer, options: EgressOptions): TestEgress {
  const egress = { seen: [] as TestEgress["seen"], logLines: [] as string[] } as TestEgress;
  const closing: (() => Promise<void> | void)[] = [];
  beforeAll(async () => {
    const { address = "127.0.0.1" } = options;
    const runDir = await makeRunDir("egress", () => []);
    const dns = await startDns();
    for (const host of options.hosts) dns.answers.set(host, [[address]]);
    const { ca } = await makeCa("test", new Date(), randomBytes);
    const caFile = join(runDir.path, "upstream-ca.pem");
    writeFileSync(caFile, ca.certificate);
    const leafKey = await makeLeafKey();
    // One certificate a name; a name without one is answered with the first.
    const leaves = new Map<string, string>();
    for (const host of options.hosts) leaves.set(host, await mintLeaf(ca, leafKey, host, new Date(), randomBytes));
    const [first = ""] = leaves.values();
    const server = createServer({ cert: first, key: leafKey.privateKey }, options.answer ?? echo(egress.seen));
    for (const [host, cert] of leaves) server.addContext(host, { cert, key: leafKey.privateKey });
    if (options.upgrade) server.on("upgrade", options.upgrade);
    server.requestTimeout = 0;
    server.listen(0, address);
    await once(server, "listening");
    const upstreamPort = (server.address() as AddressInfo).port;
    const env = {
      COFFER_EGRESS_PORT: "0",
      COFFER_EGRESS_METRICS_PORT: "0",
      COFFER_EGRESS_PORTS: `443,${upstreamPort}`,
      COFFER_EGRESS_ALLOW_PRIVATE: address,
      COFFER_EGRESS_CA_FILE: caFile,
      COFFER_EGRESS_DNS: dns.server,
      ...options.env,
    };
    const redisUrl = options.redisUrl?.() ?? coffer.config.redisUrl;
    const { egress: settings, rateLimitUnauthenticated } = loadConfig({
      COFFER_RATE_LIMIT_UNAUTHENTICATED: String(coffer.config.rateLimitUnauthenticated),
      ...env,
    });
    const config = { ...coffer.config, redisUrl, egress: settings, rateLimitUnauthenticated };
    const log = pino({ level: "debug" }, { write: (line: string) => void egress.logLines.push(line) });
    const app = await createEgressApp(config, log, coffer.deps, options.timeouts);
    const { url, metricsUrl = "" } = await app.listen();
    Object.assign(egress, {
      url,
      metricsUrl,
      port: Number(new URL(url).port),
      upstreamPort,
      dns,
      env,
      dir: runDir.path,
    });
    closing.push(
      () => app.close(),
      () => server.closeAllConnections(),
      () => {
        server.close();
      },
      dns.close,
      runDir.remove,
    );
  });
  afterAll(async () => {
    for (const close of closing) await close();
  });
  return egress;
}

function echo(seen: TestEgress["seen"]): RequestListener {
  return (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const { method = "", url = "", headers, rawHeaders } = request;
      seen.push({ method, url, headers, rawHeaders, body });
      response.setHeader("x-echo", headers.authorization ?? "");
      response.end(JSON.stringify({ method, url, headers, body }));
    });
  };
}

export async function makeSandbox({ deps, sql }: TestCoffer, sourceAddress?: string): Promise<TestSandbox> {
  const [row] = await sql("select workspace_id from workspace order by create_time limit 1");
  const workspaceId = String(row?.["workspace_id"]);
  const { text, lookupId, tokenHash } = newSandboxToken(deps);
  const sandboxId = newId("sbx", new Date(), randomBytes);
  const sandbox = { workspaceId, sandboxId, name: "a test's", lookupId, tokenHash, sourceAddress, network: undefined };
  const mac = macOf(deps.deploymentKeys, coveredOfSandbox(sandbox));
  await deps.database.transaction((tx) => insertSandbox(tx, { ...sandbox, mac }));
  return { id: sandboxId, token: text, workspaceId };
}

/** A secret of this value, which may go where the rule says, bound to the sandbox. */
export async function bindSecret(
  coffer: TestCoffer,
  sandbox: TestSandbox,
  value: string,
  rule: EgressRule,
): Promise<Bound> {
  const { id: secretId } = await createSecret(coffer, { value: data(value) });
  await setRule(coffer, sandbox.workspaceId, secretId, rule);
  return bindAgain(coffer, sandbox, secretId);
}

/** A secret that is there, bound to one more sandbox. */
export async function bindAgain(coffer: TestCoffer, sandbox: TestSandbox, secretId: string): Promise<Bound> {
  const placeholder = newPlaceholder(customShape, randomBytes, placeholderMac(coffer.deps.deploymentKeys));
  const envKey = `KEY_${secretId}`;
  const binding = { workspaceId: sandbox.workspaceId, sandboxId: sandbox.id, envKey, secretId, placeholder };
  const mac = macOf(coffer.deps.deploymentKeys, coveredOfBinding(binding));
  await coffer.deps.database.transaction((tx) => insertBinding(tx, { ...binding, mac }));
  return { secretId, placeholder };
}

export async function setRule(coffer: TestCoffer, workspaceId: string, secretId: string, rule: EgressRule) {
  const mac = macOf(coffer.deps.deploymentKeys, coveredOfEgressRule({ workspaceId, secretId, rule }));
  await coffer.sql("update secret set egress_rule = $1, egress_mac = $2 where secret_id = $3", [
    JSON.stringify(rule),
    mac,
    secretId,
  ]);
}

export async function eventsOf(coffer: TestCoffer, { id }: TestSandbox) {
  return coffer.sql("select * from egress_event where sandbox_id = $1 order by event_id", [id]);
}

export const basicAuth = (token: string) => `Basic ${Buffer.from(`x:${token}`).toString("base64")}`;

/** Sends text to the proxy itself, and gives all that comes back once the proxy has closed, or after `waitMs`. */
export async function sendRaw(socket: Duplex, text: string, waitMs = 2_000): Promise<string> {
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.write(Buffer.from(text, "latin1"));
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, waitMs);
  socket.on("close", resolve);
  await promise;
  clearTimeout(timer);
  socket.destroy();
  return answer;
}

export function connectProxy({ port }: TestEgress): Socket {
  return connect(port, "127.0.0.1");
}

export async function caOf(egress: TestEgress, { token }: TestSandbox): Promise<string> {
  const answer = await fetch(`${egress.url}/ca.pem`, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status !== 200) throw new Error(`no certificate: ${answer.status}`);
  return answer.text();
}

/** The head of the proxy's answer to a CONNECT, and the connection. */
export async function connectTunnel(egress: TestEgress, token: string, authority: string) {
  const socket = connectProxy(egress);
  const { promise, resolve } = Promise.withResolvers<string>();
  let head = "";
  const onData = (chunk: Buffer) => {
    head += chunk.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    socket.off("data", onData);
    resolve(head);
  };
  socket.on("data", onData);
  socket.on("error", () => resolve(head));
  socket.write(
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: ${basicAuth(token)}\r\n\r\n`,
  );
  return { head: await promise, socket };
}

/** An open tunnel to a host, under TLS that the sandbox believes. */
export async function openTunnel(egress: TestEgress, sandbox: TestSandbox, host: string): Promise<Socket> {
  const ca = await caOf(egress, sandbox);
  const { head, socket } = await connectTunnel(egress, sandbox.token, `${host}:${egress.upstreamPort}`);
  if (!head.startsWith("HTTP/1.1 200")) throw new Error(head);
  const secured = connectTls({ socket, servername: host, ca });
  await once(secured, "secureConnect");
  return secured;
}

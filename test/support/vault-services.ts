// Servers that speak what Doppler, Infisical and 1Password Connect document, and that can be as bad as servers are.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export const vendors = ["doppler", "infisical", "connect"] as const;
export type Vendor = (typeof vendors)[number];

/** How a server meets what it is asked. */
export type Mood = "good" | "429" | "429 without a time" | "500" | "slow" | "hang" | "huge" | "redirect" | "no JSON";

export interface VaultCall {
  method: string;
  path: string;
  query: Record<string, string>;
  authorization: string;
  body: string;
}

export interface VaultService {
  vendor: Vendor;
  url: string;
  /** Every request that came, in order. */
  calls: VaultCall[];
  mood: Mood;
  /** The value of each secret by name. In Connect the name is the label of a field of the item Storage in the vault Infra. */
  values: Map<string, string>;
  /** Secrets that its place in Infisical imports from another one. */
  imported: Map<string, string>;
  /** Secrets of Infisical whose values the identity may not see. */
  hidden: Set<string>;
  /** The credential that is taken; no other is. */
  credential: string;
  /** The access tokens of Infisical that were given out and are still taken. */
  accessTokens: Set<string>;
  close(): Promise<void>;
}

const slowMs = 3_000;
const vaultId = "v".repeat(26);
const itemId = "i".repeat(26);
let accessTokens = 0;

export async function startVaultService(vendor: Vendor, credential: string): Promise<VaultService> {
  const service: VaultService = {
    ...{ vendor, url: "", calls: [], mood: "good", credential, accessTokens: new Set<string>() },
    ...{ imported: new Map<string, string>(), hidden: new Set<string>() },
    values: new Map([
      ["ACCESS_KEY_ID", "AKIAVAULT00000000001"],
      ["SECRET_ACCESS_KEY", "vault-secret-access-key"],
    ]),
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
  const server = createServer((request, response) => {
    void callOf(request).then((call) => {
      service.calls.push(call);
      answer(service, call, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return service;
}

/** The reference to a secret of this name. */
export function referenceTo(vendor: Vendor, name: string): string {
  return vendor === "connect" ? `op://Infra/Storage/${name}` : name;
}

async function callOf(request: IncomingMessage): Promise<VaultCall> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  const { method = "", headers } = request;
  const query = Object.fromEntries(searchParams);
  return { method, path: decodeURIComponent(pathname), query, authorization: headers.authorization ?? "", body };
}

function answer(service: VaultService, call: VaultCall, response: ServerResponse): void {
  switch (service.mood) {
    case "good":
      send(response, ...meet[service.vendor](service, call));
      return;
    case "slow":
      void sleep(slowMs).then(() => send(response, ...meet[service.vendor](service, call)));
      return;
    case "429":
      response.setHeader("retry-after", "7");
      send(response, 429, { messages: ["slower"] });
      return;
    case "429 without a time":
      send(response, 429, { messages: ["slower"] });
      return;
    case "500":
      send(response, 500, { messages: [call.authorization] });
      return;
    case "hang":
      return;
    case "huge":
      response.end("x".repeat(10 * 1024 * 1024));
      return;
    case "redirect":
      response.setHeader("location", "http://169.254.169.254/latest/meta-data/");
      send(response, 302, {});
      return;
    case "no JSON":
      response.end(`<html>${call.authorization}</html>`);
      return;
  }
}

function send(response: ServerResponse, status: number, json: unknown): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(json));
}

type Meet = (service: VaultService, call: VaultCall) => [status: number, json: unknown];

const meet: Record<Vendor, Meet> = {
  doppler({ credential, values }, { method, path, query, authorization }) {
    if (authorization !== `Bearer ${credential}`) return [401, { messages: ["Invalid Auth token"], success: false }];
    if (method !== "GET" || query["project"] !== "storage" || query["config"] !== "prd") return [404, notDoppler];
    if (path === "/v3/configs/config/secrets/names") return [200, { names: [...values.keys()] }];
    const { name = "" } = query;
    const raw = values.get(name);
    if (path !== "/v3/configs/config/secret" || raw === undefined) return [404, notDoppler];
    return [200, { name, value: { raw: `\${${raw}}`, computed: raw }, success: true }];
  },

  infisical(service, { method, path, query, authorization, body }) {
    if (path === "/api/v1/auth/universal-auth/login" && method === "POST") {
      const { clientId, clientSecret } = JSON.parse(body) as Record<string, string>;
      if (clientId !== "client-1" || clientSecret !== service.credential)
        return [401, notInfisical("Invalid credentials")];
      const accessToken = `access-${++accessTokens}`;
      service.accessTokens.add(accessToken);
      return [200, { accessToken, expiresIn: 7_200, accessTokenMaxTTL: 43_244, tokenType: "Bearer" }];
    }
    if (!service.accessTokens.has(authorization.replace(/^Bearer /, ""))) return [401, notInfisical("Token missing")];
    const { workspaceId, environment, secretPath } = query;
    const isPlace = workspaceId === "project-1" && environment === "prod" && secretPath === "/storage";
    if (!isPlace || method !== "GET") return [404, notInfisical("Folder not found")];
    if (path === "/api/v3/secrets/raw") {
      const secretValue = query["viewSecretValue"] === "false" ? "<hidden-by-infisical>" : "shown";
      return [200, { secrets: [...service.values.keys()].map((secretKey) => ({ secretKey, secretValue })) }];
    }
    const secretKey = path.replace("/api/v3/secrets/raw/", "");
    // The server's own defaults: no imported secrets, references as they are written.
    const imported = query["include_imports"] === "true" ? service.imported.get(secretKey) : undefined;
    const raw = service.values.get(secretKey) ?? imported;
    if (raw === undefined) return [404, notInfisical(`Secret with name '${secretKey}' not found`)];
    const isHidden = query["viewSecretValue"] === "false" || service.hidden.has(secretKey);
    const expand = (text: string) =>
      text.replace(/\$\{(\w+)\}/g, (whole, name: string) => service.values.get(name) ?? whole);
    const value = query["expandSecretReferences"] === "true" ? expand(raw) : raw;
    const secretValue = isHidden ? "<hidden-by-infisical>" : value;
    return [
      200,
      { secret: { secretKey, secretValue, secretValueHidden: isHidden, workspace: workspaceId, environment } },
    ];
  },

  connect({ credential, values }, { path, query, authorization }) {
    if (authorization !== `Bearer ${credential}`) return [401, { status: 401, message: "Invalid bearer token" }];
    const { filter } = query;
    if (path === "/v1/vaults") {
      const isAsked = filter === undefined || filter === 'name eq "Infra"';
      return [200, isAsked ? [{ id: vaultId, name: "Infra" }] : []];
    }
    if (path === `/v1/vaults/${vaultId}/items`) {
      return [200, filter === 'title eq "Storage"' ? [{ id: itemId, title: "Storage" }] : []];
    }
    if (path !== `/v1/vaults/${vaultId}/items/${itemId}`) return [404, { status: 404, message: "not found" }];
    const sections = ["live", "test"].map((label) => ({ id: `section-${label}`, label }));
    const inSections = sections.map(({ id, label }) => ({
      id: `f-${label}`,
      label: "key",
      section: { id },
      value: label,
    }));
    const fields = [...values].map(([label, value], index) => ({
      id: `field${index}`,
      label,
      type: "CONCEALED",
      value,
    }));
    return [
      200,
      { id: itemId, title: "Storage", vault: { id: vaultId }, sections, fields: [...fields, ...inSections] },
    ];
  },
};

const notDoppler = { messages: ["Could not find requested secret"], success: false };

function notInfisical(message: string) {
  return { statusCode: 401, message, error: "Error" };
}

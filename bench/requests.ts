// The requests of every action: for the floor, and for coffer over each protocol.
import { randomBytes } from "node:crypto";
import { create, type DescMessage, type MessageShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  CreateSecretRequestSchema,
  GetSecretValueRequestSchema,
  ListSecretsRequestSchema,
} from "../gen/coffer/v1/secret_service_pb.ts";
import type { Action, Protocol } from "./cases.ts";
import { type HttpSource, keyMarker } from "./load/load.ts";

interface RestRoute {
  method: string;
  path: string;
}

/** The REST request that reveals the secret with the id `keyMarker`. */
export const restAccess: RestRoute | undefined = {
  method: "POST",
  path: `/v1/secrets/${keyMarker}/versions/latest:access`,
};

type Simple = Exclude<Action, "mixed 90/10">;

const payloads = { "create 64 B": randomBytes(64), "create 4 KiB": randomBytes(4_096) };
const keys: Readonly<Record<Simple, HttpSource["key"]>> = {
  "get value hot": "hot",
  "get value uniform": "id",
  "get metadata": "id",
  "create 64 B": "name",
  "create 4 KiB": "name",
  "list 50": "none",
};

export function floorSources(action: Action): HttpSource[] {
  return sourcesOf(action, (simple) => {
    switch (simple) {
      case "create 64 B":
      case "create 4 KiB": {
        const body = JSON.stringify({ name: keyMarker, data: payloads[simple].toString("base64") });
        return httpRequest("POST", "/secrets", ["content-type: application/json"], body);
      }
      case "list 50":
        return httpRequest("GET", "/secrets");
      default:
        return httpRequest("GET", `/value/${keyMarker}`);
    }
  });
}

export function cofferSources(action: Action, protocol: Protocol, token: string): HttpSource[] {
  return sourcesOf(action, (simple) => {
    const authorization = `authorization: Bearer ${token}`;
    if (protocol === "rest") return restRequest(simple, authorization);
    const { method, json, binary } = rpcOf(simple);
    const path = `/coffer.v1.SecretService/${method}`;
    const [type, body] = protocol === "connect-json" ? ["application/json", json] : ["application/proto", binary];
    return httpRequest("POST", path, [authorization, `content-type: ${type}`], body);
  });
}

/** The RPC of an action, and its message in both encodings. */
export function rpcOf(action: Simple): { method: string; json: string; binary: Uint8Array } {
  const encoded = <Desc extends DescMessage>(method: string, schema: Desc, message: MessageShape<Desc>) => ({
    method,
    json: toJsonString(schema, message),
    binary: toBinary(schema, message),
  });
  switch (action) {
    case "create 64 B":
    case "create 4 KiB": {
      const value = { case: "data" as const, value: payloads[action] };
      const message = create(CreateSecretRequestSchema, { name: keyMarker, value });
      return encoded("CreateSecret", CreateSecretRequestSchema, message);
    }
    case "list 50":
      return encoded("ListSecrets", ListSecretsRequestSchema, create(ListSecretsRequestSchema, { pageSize: 50 }));
    case "get metadata":
      throw new Error("only measured over REST");
    default: {
      const message = create(GetSecretValueRequestSchema, { secret: { case: "id", value: keyMarker } });
      return encoded("GetSecretValue", GetSecretValueRequestSchema, message);
    }
  }
}

function restRequest(action: Simple, authorization: string): Buffer {
  switch (action) {
    case "create 64 B":
    case "create 4 KiB": {
      // A text of as many characters; this surface takes no bytes.
      const value = payloads[action].toString("hex").slice(0, payloads[action].length);
      const body = JSON.stringify({ name: keyMarker, kind: "generic", value, labels: {} });
      return httpRequest("POST", "/v1/secrets", [authorization, "content-type: application/json"], body);
    }
    case "get metadata":
      return httpRequest("GET", `/v1/secrets/${keyMarker}`, [authorization]);
    default:
      if (!restAccess) throw new Error("no REST route reveals values");
      return httpRequest(restAccess.method, restAccess.path, [authorization]);
  }
}

function sourcesOf(action: Action, textOf: (simple: Simple) => Buffer): HttpSource[] {
  const source = (percent: number, simple: Simple) => ({ percent, key: keys[simple], text: textOf(simple) });
  if (action === "mixed 90/10") return [source(90, "get value uniform"), source(10, "create 64 B")];
  return [source(100, action)];
}

/** The whole HTTP/1.1 request. */
export function httpRequest(
  method: string,
  path: string,
  headers: readonly string[] = [],
  body?: string | Uint8Array,
): Buffer {
  const content = Buffer.from(body ?? "");
  // A POST without a body says so.
  const length = body === undefined && method === "GET" ? [] : [`content-length: ${content.byteLength}`];
  const head = [`${method} ${path} HTTP/1.1`, "host: 127.0.0.1", ...headers, ...length].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), content]);
}

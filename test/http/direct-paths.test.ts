// The direct paths of unary calls answer as connect-node does: the same requests to both, and the answers compared.
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { createRegistry, toBinary } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createClient,
  createConnectRouter,
  createServiceImplSpec,
  type HandlerContext,
  type Interceptor,
  type ServiceImpl,
  type Transport,
} from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GetSecretRequestSchema, SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { ErrorInfoSchema, file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { tokenCredential } from "../../src/call/credential.ts";
import type { AdmittedCall } from "../../src/call/http-call.ts";
import { CofferError } from "../../src/domain/error/errors.ts";
import { createRpcHandler } from "../../src/http/rpc-handler.ts";
import { createHttpServer, type HttpServer } from "../../src/http/server.ts";
import { createInvoke } from "../../src/rpc/invoke.ts";
import { asConnectErrors } from "../../src/rpc/steps.ts";
import { withoutMethods } from "./library.ts";

const path = "/coffer.v1.SecretService/GetSecret";
const slowMs = 2_000;

/** The id selects the behaviour. */
const service: Partial<ServiceImpl<typeof SecretService>> = {
  async getSecret({ secret: { value: id } }, context: HandlerContext) {
    context.responseHeader.set("x-handler", "header");
    context.responseTrailer.set("x-handler-after", "trailer");
    switch (id) {
      case "missing":
        throw new CofferError("SECRET_NOT_FOUND", "there is no such secret: 100 % ü", { id: "missing" });
      case "limited":
        throw new CofferError(
          "RATE_LIMITED",
          "slower",
          {},
          { retryDelayMs: 1_500, headers: { "ratelimit-limit": "1" } },
        );
      case "broken":
        throw new Error("never shown");
      case "slow":
        await untilAborted(context.signal);
        break;
      default:
        break;
    }
    return { secret: { id: String(id), name: context.requestHeader.get("x-name") ?? "" } };
  },
  async createSecret({ name }) {
    return { secret: { name } };
  },
};

/** As a handler of connect-node learns of a deadline; the direct paths do not wait for it to notice. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, slowMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

const registry = createRegistry(file_google_rpc_error_details);
let ours: HttpServer;
let theirs1: http.Server;
let theirs2: http2.Http2Server;
const ports = { direct: 0, "connect-node": 0, "connect-node over HTTP/2": 0 };

beforeAll(async () => {
  const onUnexpectedError = () => {};
  ours = createHttpServer({
    rpc: {
      api: {
        name: "typed",
        services: [withoutMethods(SecretService)],
        ...tokenCredential,
        singleHeaders: [],
      },
      publicServices: [],
      streams: createRpcHandler(createConnectRouter(), onUnexpectedError),
    },
    surfaces: [],
    invoke: createInvoke([createServiceImplSpec(SecretService, service)]),
    admit: async (_surface, call) => call as AdmittedCall,
    isReady: async () => true,
    newRequestId: () => "req_test",
    onUnexpectedError,
  });
  const routes = (router: ConnectRouter) => void router.service(SecretService, service);
  const interceptors: Interceptor[] = [asConnectErrors];
  const jsonOptions = { ignoreUnknownFields: false, registry };
  const adapter = connectNodeAdapter({ routes, interceptors, jsonOptions, readMaxBytes: 1024 * 1024 });
  theirs1 = http.createServer(adapter).listen(0, "127.0.0.1");
  theirs2 = http2.createServer(adapter).listen(0, "127.0.0.1");
  await Promise.all([once(theirs1, "listening"), once(theirs2, "listening")]);
  ports.direct = (await ours.listen(0, "127.0.0.1")).port;
  ports["connect-node"] = (theirs1.address() as AddressInfo).port;
  ports["connect-node over HTTP/2"] = (theirs2.address() as AddressInfo).port;
});
afterAll(async () => {
  theirs1.close();
  theirs2.close();
  await ours.close(0);
});

interface Ask {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
}

const jsonType = { "content-type": "application/json" };
const protoType = { "content-type": "application/proto" };
const message = (id: string) =>
  Uint8Array.from(
    toBinary(GetSecretRequestSchema, {
      $typeName: "coffer.v1.GetSecretRequest",
      secret: { case: "id", value: id },
      region: "",
      workspaceId: "",
    }),
  );
const get = (query: Record<string, string>): Ask => ({ method: "GET", path: `${path}?${new URLSearchParams(query)}` });

async function askConnect(port: number, ask: Ask) {
  const { method = "POST", headers = {}, body } = ask;
  const url = `http://127.0.0.1:${port}${ask.path ?? path}`;
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  const bytes = Buffer.from(await response.arrayBuffer());
  const header = (name: string) => response.headers.get(name);
  return {
    status: response.status,
    type: header("content-type"),
    metadata: ["x-handler", "trailer-x-handler-after", "ratelimit-limit", "retry-after", "allow"].map(header),
    bytes,
  };
}

async function askBoth(ask: Ask) {
  return Promise.all([askConnect(ports.direct, ask), askConnect(ports["connect-node"], ask)]);
}

describe("a Connect request is answered alike, to the byte", () => {
  it.each<[string, Ask]>([
    ["JSON", { headers: { ...jsonType, "x-name": "n" }, body: '{"id":"a"}' }],
    ["JSON with a charset", { headers: { "content-type": "application/json; charset=utf-8" }, body: '{"id":"a"}' }],
    ["JSON in the schema's spelling", { headers: jsonType, body: '{"id":"a","workspace_id":"w"}' }],
    ["an empty JSON object", { headers: jsonType, body: "{}" }],
    ["Protobuf", { headers: protoType, body: message("a") }],
    ["an empty Protobuf message", { headers: protoType, body: new Uint8Array() }],
    ["Protobuf with a field that is not known", { headers: protoType, body: Uint8Array.of(0xf8, 0x07, 0x01) }],
    ["gzip", { headers: { ...jsonType, "content-encoding": "gzip" }, body: Uint8Array.from(gzipSync('{"id":"a"}')) }],
    ["the protocol's version", { headers: { ...jsonType, "connect-protocol-version": "1" }, body: '{"id":"a"}' }],
    ["a deadline that is kept", { headers: { ...jsonType, "connect-timeout-ms": "5000" }, body: '{"id":"a"}' }],
    ["GET with JSON", get({ connect: "v1", encoding: "json", message: '{"id":"a"}' })],
    [
      "GET with Protobuf",
      get({ encoding: "proto", base64: "1", message: Buffer.from(message("a")).toString("base64url") }),
    ],
    [
      "GET with gzip",
      get({
        encoding: "json",
        compression: "gzip",
        base64: "1",
        message: gzipSync('{"id":"a"}').toString("base64url"),
      }),
    ],
    ["an error with details", { headers: jsonType, body: '{"id":"missing"}' }],
    ["an error with details in Protobuf", { headers: protoType, body: message("missing") }],
    ["an error with headers", { headers: jsonType, body: '{"id":"limited"}' }],
    ["an error that nobody foresaw", { headers: jsonType, body: '{"id":"broken"}' }],
  ])("%s", async (_what, ask) => {
    const [direct, connectNode] = await askBoth(ask);
    expect(withoutHandlersHeaders(direct)).toEqual(withoutHandlersHeaders(connectNode));
  });
});

/** JSON as its value: connect-node writes bytes of the same fields in the same order, but says nothing of spaces. */
function withoutHandlersHeaders({ bytes, metadata, ...answer }: Awaited<ReturnType<typeof askConnect>>) {
  const isJson = answer.type?.includes("json") ?? false;
  // connect-node sends headers that a handler had set before it failed. The direct path does not, because the work was not done.
  const [handler, after, ...others] = answer.status === 200 ? metadata : [null, null, ...metadata.slice(2)];
  return { ...answer, metadata: [handler, after, ...others], body: isJson ? JSON.parse(bytes.toString()) : bytes };
}

it("a compression that is not known is UNIMPLEMENTED, as the protocol has it", async () => {
  const headers = { ...jsonType, "content-encoding": "zstd" };
  const answers = await askBoth({ headers, body: "{}" });
  expect(answers.map(({ bytes }) => codeOf(bytes))).toEqual(["unimplemented", "unimplemented"]);
});

describe("a Connect request that is none is refused with the same status and code", () => {
  it.each<[string, Ask]>([
    ["no JSON", { headers: jsonType, body: "{" }],
    ["an array", { headers: jsonType, body: "[]" }],
    ["a field that is not known", { headers: jsonType, body: '{"what":1}' }],
    ["a field of another type", { headers: jsonType, body: '{"id":1}' }],
    ["no gzip", { headers: { ...jsonType, "content-encoding": "gzip" }, body: "{}" }],
    ["a deadline that is no number", { headers: { ...jsonType, "connect-timeout-ms": "1s" }, body: "{}" }],
    ["a deadline of too many digits", { headers: { ...jsonType, "connect-timeout-ms": "12345678901" }, body: "{}" }],
    ["a deadline that passes", { headers: { ...jsonType, "connect-timeout-ms": "50" }, body: '{"id":"slow"}' }],
    ["GET with no JSON", get({ encoding: "json", message: "{" })],
  ])("%s", async (_what, ask) => {
    const [direct, connectNode] = await askBoth(ask);
    expect({ status: direct.status, type: direct.type, code: codeOf(direct.bytes) }).toEqual({
      status: connectNode.status,
      type: connectNode.type,
      code: codeOf(connectNode.bytes),
    });
    expect(direct.status).toBeGreaterThanOrEqual(400);
  });

  // connect-node calls the first its own fault, and lets the others pass where it is not told to require a version.
  it.each<[string, Ask]>([
    ["no Protobuf", { headers: protoType, body: Uint8Array.of(0xff, 0xff) }],
    ["another version", { headers: { ...jsonType, "connect-protocol-version": "2" }, body: "{}" }],
    ["GET in another version", get({ connect: "v2", encoding: "json", message: "{}" })],
  ])("%s, here as the caller's fault", async (_what, ask) => {
    const direct = await askConnect(ports.direct, ask);
    expect([direct.status, codeOf(direct.bytes)]).toEqual([400, "invalid_argument"]);
  });

  // connect-node's answers have no body here.
  it.each<[string, Ask]>([
    ["a content type that is not served", { headers: { "content-type": "text/plain" }, body: "{}" }],
    ["no content type", { headers: { "content-type": "" }, body: new Uint8Array() }],
    ["PUT", { method: "PUT", headers: jsonType, body: "{}" }],
    [
      "GET of what changes something",
      { method: "GET", path: "/coffer.v1.SecretService/CreateSecret?encoding=json&message={}" },
    ],
  ])("%s, here with an error that says why", async (_what, ask) => {
    const [direct, connectNode] = await askBoth(ask);
    expect(direct.status).toBe(connectNode.status);
    expect(codeOf(direct.bytes)).toEqual(expect.any(String));
  });

  // connect-node's server has no such path, so its answer is the 404 of any path.
  it.each(["/coffer.v1.SecretService/Nothing", "/coffer.v1.Nothing/GetSecret"])(
    "%s, which is not a method, here with the status of the protocol's code",
    async (path) => {
      const direct = await askConnect(ports.direct, { path, headers: jsonType, body: "{}" });
      expect([direct.status, codeOf(direct.bytes)]).toEqual([501, "unimplemented"]);
    },
  );
});

function codeOf(bytes: Buffer): unknown {
  return (JSON.parse(bytes.toString()) as { code?: unknown }).code;
}

const transports: [string, (direct: boolean) => Transport][] = [
  [
    "Connect",
    (direct) => createConnectTransport({ baseUrl: urlOf(direct ? "direct" : "connect-node"), httpVersion: "1.1" }),
  ],
  ["gRPC", (direct) => createGrpcTransport({ baseUrl: urlOf(direct ? "direct" : "connect-node over HTTP/2") })],
  [
    "gRPC-Web",
    (direct) => createGrpcWebTransport({ baseUrl: urlOf(direct ? "direct" : "connect-node"), httpVersion: "1.1" }),
  ],
  [
    "gRPC-Web over HTTP/2",
    (direct) =>
      createGrpcWebTransport({ baseUrl: urlOf(direct ? "direct" : "connect-node over HTTP/2"), httpVersion: "2" }),
  ],
];

function urlOf(server: keyof typeof ports): string {
  return `http://127.0.0.1:${ports[server]}`;
}

/** All that a client sees of one call. */
async function seenBy(transport: Transport, id: string, timeoutMs?: number) {
  const seen: Record<string, unknown> = {};
  const options = {
    headers: { "x-name": "n" },
    onHeader: (header: Headers) => {
      seen["header"] = header.get("x-handler");
    },
    onTrailer: (trailer: Headers) => {
      seen["trailer"] = trailer.get("x-handler-after");
    },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  try {
    const { secret } = await createClient(SecretService, transport).getSecret(
      { secret: { case: "id", value: id } },
      options,
    );
    return { ...seen, secret };
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    const { code, rawMessage, metadata } = error;
    const metadataSeen = ["ratelimit-limit", "retry-after"].map((name) => metadata.get(name));
    return { code: Code[code], rawMessage, details: error.findDetails(ErrorInfoSchema), metadataSeen };
  }
}

describe.each(transports)("a client over %s sees the same", (_protocol, transportTo) => {
  it.each([
    ["a message", "a"],
    ["an error with details", "missing"],
    ["an error with headers", "limited"],
    ["a fault", "broken"],
  ])("of %s", async (_what, id) => {
    const [direct, connectNode] = await Promise.all([seenBy(transportTo(true), id), seenBy(transportTo(false), id)]);
    expect(direct).toEqual(connectNode);
  });

  it("when its deadline passes", async () => {
    const [direct, connectNode] = await Promise.all([
      seenBy(transportTo(true), "slow", 100),
      seenBy(transportTo(false), "slow", 100),
    ]);
    expect([direct, connectNode]).toEqual(Array(2).fill(expect.objectContaining({ code: "DeadlineExceeded" })));
  });
});

interface GrpcAnswer {
  httpStatus: number;
  grpcStatus: string | undefined;
  type: string | undefined;
}

/** In the trailers, or in the headers of an answer that has nothing else. */
async function askGrpc(
  server: keyof typeof ports,
  headers: Record<string, string>,
  body: Uint8Array,
): Promise<GrpcAnswer> {
  const session = http2.connect(urlOf(server));
  const stream = session.request({ ":method": "POST", ":path": path, ...grpcType, te: "trailers", ...headers });
  stream.end(body);
  const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on("trailers", (given: http2.IncomingHttpHeaders) => {
    trailers = given;
  });
  stream.resume();
  await once(stream, "close");
  session.close();
  const grpcStatus = (trailers["grpc-status"] ?? head["grpc-status"]) as string | undefined;
  return { httpStatus: Number(head[":status"]), grpcStatus, type: head["content-type"] };
}

const grpcType = { "content-type": "application/grpc+proto" };

function frame(flags: number, bytes: Uint8Array, length = bytes.byteLength): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

describe("a gRPC request has the same status", () => {
  it.each<[string, Record<string, string>, Uint8Array]>([
    ["with one message", {}, frame(0, message("a"))],
    ["in the short content type", { "content-type": "application/grpc" }, frame(0, message("a"))],
    ["compressed", { "grpc-encoding": "gzip" }, frame(1, gzipSync(message("a")))],
    ["with a deadline", { "grpc-timeout": "5S" }, frame(0, message("a"))],
    ["with a deadline that passes", { "grpc-timeout": "50m" }, frame(0, message("slow"))],
    ["with an error", {}, frame(0, message("missing"))],
    ["without a message", {}, new Uint8Array()],
    ["with two messages", {}, Buffer.concat([frame(0, message("a")), frame(0, message("b"))])],
    ["compressed in a way that is not declared", {}, frame(1, gzipSync(message("a")))],
    ["compressed with brotli", { "grpc-encoding": "br" }, frame(1, brotliCompressSync(message("a")))],
    ["compressed in a way that is not known", { "grpc-encoding": "zstd" }, frame(1, message("a"))],
  ])("%s", async (_what, headers, body) => {
    const [direct, connectNode] = await Promise.all([
      askGrpc("direct", headers, body),
      askGrpc("connect-node over HTTP/2", headers, body),
    ]);
    expect(direct).toEqual({ ...connectNode, type: "application/grpc+proto" });
    expect(direct.grpcStatus).toMatch(/^\d+$/);
  });

  // connect-node says INTERNAL or nothing of what is the caller's fault; here it is INVALID_ARGUMENT, with details.
  it.each<[string, Record<string, string>, Uint8Array]>([
    ["a message that ends early", {}, frame(0, message("a"), 100)],
    ["a message that is none", {}, frame(0, Uint8Array.of(0xff, 0xff))],
    ["a deadline that is none", { "grpc-timeout": "soon" }, frame(0, message("a"))],
  ])("other than connect-node's for %s", async (_what, headers, body) => {
    expect(await askGrpc("direct", headers, body)).toMatchObject({ httpStatus: 200, grpcStatus: "3" });
  });
});

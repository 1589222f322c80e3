// A server on a free port with a made-up application behind it, and the clients that tests speak to it with.
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import { create, type DescMessage, type DescMethodUnary, type MessageShape } from "@bufbuild/protobuf";
import { createConnectRouter } from "@connectrpc/connect";
import { onTestFinished } from "vitest";
import { SecretService as AkuaSecretService } from "../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { peerKey } from "../../src/call/context.ts";
import type { AdmittedCall } from "../../src/call/http-call.ts";
import type { CallRequest, Invoke } from "../../src/call/invoke.ts";
import { failOn } from "../../src/domain/error/errors.ts";
import { createRpcHandler, type RpcHandler } from "../../src/http/rpc-handler.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../src/http/server.ts";
import { transcodedSurfaces } from "../../src/surfaces/transcoded/surfaces.ts";
import { madeUpRequestId } from "../support/contract-setup.ts";
import { libraryApi, withoutMethods } from "./library.ts";

export const json = { "content-type": "application/json" };
export const getSecretPath = "/coffer.v1.SecretService/GetSecret";

export interface Call {
  method: DescMethodUnary;
  message: MessageShape<DescMessage>;
  request: CallRequest;
}

export interface Served {
  port: number;
  server: HttpServer;
  calls: Call[];
}

type Respond = (call: Call) => Promise<object>;

/** Serves until the test is over. `respond` makes the response of every call, by REST, Connect and gRPC. */
export async function serve(options: Partial<HttpServerOptions> & { respond?: Respond } = {}): Promise<Served> {
  const { respond = async () => ({}), ...rest } = options;
  const calls: Call[] = [];
  const invoke: Invoke = async (method, message, request) => {
    failOn(request.shape?.violations ?? []);
    const call = { method, message, request };
    calls.push(call);
    const response = create(method.output, await respond(call));
    return { message: response, header: new Headers({ etag: '"7"' }), trailer: new Headers({ "x-after": "t" }) };
  };
  const server = createHttpServer({
    rpc: {
      api: { ...libraryApi([]), services: [withoutMethods(SecretService)] },
      publicServices: [Health],
      streams: streams(),
    },
    surfaces: transcodedSurfaces([
      libraryApi([], { name: "akua", services: [AkuaSecretService], nullWhenUnset: true }),
    ]),
    invoke,
    admit: async (_surface, call) => call as AdmittedCall,
    isReady: async () => true,
    newRequestId: () => madeUpRequestId,
    onUnexpectedError: (error) => {
      throw error;
    },
    ...rest,
  });
  const { port } = await server.listen(0, "127.0.0.1");
  onTestFinished(() => server.close(0));
  return { port, server, calls };
}

function streams(): RpcHandler {
  const router = createConnectRouter();
  router.service(Health, {});
  return createRpcHandler(router, (error) => {
    throw error;
  });
}

export function peerOf(call: Call | undefined): string | undefined {
  return call?.request.source.contextValues.get(peerKey)?.address;
}

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export async function ask1(
  port: number,
  path: string,
  { method = "GET", headers = {}, body }: Ask = {},
): Promise<Reply> {
  const request = http.request({ host: "127.0.0.1", port, path, method, headers, agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await textOf(response) };
}

export async function ask2(
  session: http2.ClientHttp2Session,
  path: string,
  { method = "GET", headers = {}, body }: Ask = {},
): Promise<Reply & { endedWithHeaders: boolean }> {
  const stream = session.request({ ":path": path, ":method": method, ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const gone = new AbortController();
  stream.once("close", () => gone.abort());
  const responded = once(stream, "response", { signal: gone.signal });
  const [response, flags] = (await responded) as [http2.IncomingHttpHeaders, number];
  const endedWithHeaders = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  return { status: Number(response[":status"]), headers: response, body: await textOf(stream), endedWithHeaders };
}

export function connect2(url: string, options: http2.SecureClientSessionOptions = {}): http2.ClientHttp2Session {
  const session = http2.connect(url, options);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return session;
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Writes raw bytes and returns all that comes back until the server closes. */
export async function raw(port: number, ...chunks: (string | Uint8Array)[]): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  socket.on("error", () => {});
  for (const chunk of chunks) {
    socket.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(received).toString();
}

// The proxy's port: tunnels, plain-HTTP requests from nearby, and the certificate that sandboxes must trust.
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { isGlobalUnicast } from "../net-guard/addresses.ts";
import { keepAliveDelayMs } from "../net-guard/dial.ts";
import { endWithAnswer, failureAnswer, sendAnswer } from "./answers.ts";
import { addressOf, type ClientRoute, ownToken, proxyToken } from "./client.ts";
import { enter } from "./enter.ts";
import { forward } from "./http-request.ts";
import { createInOrder } from "./in-order.ts";
import type { EgressParts } from "./parts.ts";
import { proxyRequest } from "./proxied-request.ts";
import { isDestination, openTunnel } from "./tunnel.ts";
import { hasBody } from "./upstream-request.ts";
import { forwardWebSocket, isWebSocket } from "./websocket.ts";

export interface EgressServer {
  listen(port: number, host: string): Promise<{ port: number }>;
  /** From now on each answer ends its connection and readiness is 503. Requests are still served. */
  announceClose(): void;
  /** Lets requests finish for this time, then ends the open connections. */
  close(graceMs: number): Promise<void>;
}

const options: ServerOptions = {
  insecureHTTPParser: false,
  maxHeaderSize: 32_768,
  // Bodies have separate time-outs.
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: keepAliveDelayMs,
};

const endingMs = 1_000;

export function createEgressServer(parts: EgressParts): EgressServer {
  const sockets = new Set<Socket>();
  const routes = new WeakMap<object, ClientRoute>();
  const inOrder = createInOrder();
  let open = 0;
  let isClosing = false;

  async function idleBefore(endMs: number): Promise<void> {
    while (open > 0 && performance.now() < endMs) await sleep(20);
  }

  function track(work: Promise<void>, fail: (error: unknown) => void): void {
    open++;
    const failed = work.catch((error: unknown) => {
      parts.onUnexpectedError(error);
      fail(error);
    });
    void failed.catch(parts.onUnexpectedError).finally(() => open--);
  }

  const { guard } = parts;
  const { headMs } = parts.timeouts;
  const timed: ServerOptions = { ...options, headersTimeout: headMs, connectionsCheckingInterval: headMs };
  const inner = createServer({ ...timed, shouldUpgradeCallback: isWebSocket });
  // This server never listens. Emit "listening" so that Node starts its header timeout.
  inner.emit("listening");
  guard.guardServer(inner);
  inner.on("request", (request, response) => {
    guard.guardConnection(request.socket, request, response);
    const route = routes.get(request.socket) as ClientRoute;
    if (isClosing) response.shouldKeepAlive = false;
    const work = () => forward(parts, route, request.url ?? "", request, response);
    track(inOrder.run(request.socket, work), failRequest(response));
  });
  inner.on("upgrade", (request, socket, early) => {
    const route = routes.get(request.socket) as ClientRoute;
    track(forwardWebSocket(parts, route, request, socket, early), failConnection(socket));
  });
  // A tunnel within a tunnel is checked like every request, and refused.
  inner.on("connect", (request, socket, early) => {
    const route = routes.get(request.socket) as ClientRoute;
    track(forwardWebSocket(parts, route, request, socket, early), failConnection(socket));
  });

  const outer = createServer({ ...timed, shouldUpgradeCallback: () => false });
  guard.guardServer(outer);
  outer.on("connection", (socket) => {
    guard.guardConnection(socket, socket);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  outer.on("connect", (request, socket: Socket, early) => {
    socket.on("error", () => socket.destroy());
    track(openTunnel(parts, { server: inner, routes }, request, socket, early), failConnection(socket));
  });
  outer.on("request", (request, response) => {
    guard.guardConnection(request.socket, request, response);
    if (isClosing) response.shouldKeepAlive = false;
    const work = () => serve(parts, request, response, isClosing);
    track(inOrder.run(request.socket, work), failRequest(response));
  });

  return {
    listen: (port, host) => listen(outer, port, host),
    announceClose() {
      isClosing = true;
    },
    async close(graceMs) {
      const closed = new Promise((resolve) => outer.close(resolve));
      await idleBefore(performance.now() + graceMs);
      for (const socket of sockets) socket.destroy();
      await closed;
      // The ended requests still write their events.
      await idleBefore(performance.now() + endingMs);
      inner.close();
    },
  };
}

function failRequest(response: ServerResponse): (error: unknown) => void {
  return (error) => (response.headersSent ? response.destroy() : sendAnswer(response, failureAnswer(error), true));
}

/** Only for a connection on which nothing was answered yet. */
function failConnection(socket: Duplex): (error: unknown) => void {
  return (error) => endWithAnswer(socket, failureAnswer(error));
}

function listen(server: Server, port: number, host: string): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve({ port: (server.address() as AddressInfo).port });
    });
  });
}

async function serve(
  parts: EgressParts,
  request: IncomingMessage,
  response: ServerResponse,
  isClosing: boolean,
): Promise<void> {
  const { url = "" } = request;
  if (/^https?:\/\//i.test(url)) return serveAbsolute(parts, request, response);
  // The body is not read, so the connection cannot be used for another request.
  if (hasBody(request)) response.shouldKeepAlive = false;
  if (request.method === "GET" && (url === "/healthz" || url === "/readyz")) {
    // Without a database that accepts events the proxy refuses every request.
    const isWell = url === "/healthz" || (!isClosing && (await parts.isReady()));
    response.writeHead(isWell ? 200 : 503, { "x-content-type-options": "nosniff" });
    return void response.end(isWell ? "ok\n" : "not ready\n");
  }
  if (request.method !== "GET" || url !== "/ca.pem") return sendAnswer(response, { status: 404, reason: "not_found" });
  const token = ownToken(request) ?? proxyToken(request) ?? "";
  const address = addressOf(request.socket);
  const entered = await enter(parts, token, address);
  if ("answer" in entered) {
    const { answer } = entered;
    return sendAnswer(response, answer.status === 407 ? { status: 401, reason: "unauthenticated" } : answer);
  }
  const { sandbox, refusal } = entered;
  if (refusal) {
    const details = { method: "GET", host: "-", target: url };
    return proxyRequest(
      parts,
      details,
      (answer) => sendAnswer(response, answer),
      async () => ({ sandbox, refusal }),
    );
  }
  const certificate = await parts.certificates.authority(sandbox.workspaceId);
  response.writeHead(200, {
    "content-type": "application/x-pem-file",
    "content-length": certificate.length,
    "x-content-type-options": "nosniff",
  });
  response.end(certificate);
}

/** Forwards a plain-HTTP request over TLS. Accepts it only on a local address, where nobody else can read it on its way to the proxy. */
async function serveAbsolute(parts: EgressParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = "", method = "", socket } = request;
  const token = proxyToken(request) ?? "";
  const address = addressOf(socket);
  const [, authority = "", rest = ""] = /^http:\/\/([^/?#]*)([^#]*)$/i.exec(url) ?? [];
  const [host = "", portText = "443"] = authority.toLowerCase().split(":");
  const target = rest.startsWith("/") ? rest : `/${rest}`;
  const route: ClientRoute = { token, address, host, port: Number(portText) };
  const isNear = !isGlobalUnicast((socket.localAddress ?? "").replace(/^::ffff:(?=\d+\.)/, ""));
  if (isNear && isDestination(parts, host, route.port)) return forward(parts, route, target, request, response);
  return proxyRequest(
    parts,
    { method, host: host || "-", target },
    (answer) => sendAnswer(response, answer, true),
    async () => {
      const entered = await enter(parts, token, address);
      if ("answer" in entered) return entered;
      const { sandbox, refusal = { code: "host_denied" } } = entered;
      return { sandbox, refusal };
    },
  );
}

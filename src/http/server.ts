// Serves HTTP/1.1 and HTTP/2 on one port, plain or with TLS. A server that stops lets requests finish.
import { type Server as Http1Server, ServerResponse } from "node:http";
import type * as http2 from "node:http2";
import * as net from "node:net";
import * as tls from "node:tls";
import { closingOf, type NodeRequest, type NodeResponse } from "../call/http-call.ts";
import { createEventGuard, type EventGuard } from "../wire/guard-events.ts";
import { type BodyLimits, defaultBodyLimits, holdContinue } from "./body/read-body.ts";
import { createDispatch, type DispatchOptions, type NodeHandler } from "./dispatch.ts";
import { createDrain, type Drain } from "./drain.ts";
import { headerBlockBytesMax } from "./headers.ts";
import { createPipeline } from "./pipeline.ts";
import { createHttp1Server, createHttp2Server, type ProtocolLimits } from "./protocol-servers.ts";
import { sniffProtocol } from "./sniff.ts";
import { createUnreadAnswers } from "./unread-answers.ts";

export interface HttpServerOptions extends DispatchOptions {
  /** In PEM. Without it the port is plain. */
  tls?: { key: string | Buffer; cert: string | Buffer };
  bodyLimits?: BodyLimits;
  limits?: Partial<ProtocolLimits>;
}

export interface HttpServer {
  /** Port 0 takes any free one. */
  listen(port: number, host: string): Promise<{ port: number; host: string }>;
  /** From now on every answer tells its client to open a new connection; new connections are still accepted. */
  announceClose(): void;
  /** Stops accepting, lets requests finish, and answers those left after `graceMs` with SHUTTING_DOWN. */
  close(graceMs: number): Promise<void>;
}

/** Throws when the surfaces' routes are broken or collide. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const bodyLimits = options.bodyLimits ?? defaultBodyLimits;
  const limits = completeLimits(options.limits ?? {}, bodyLimits);
  const drain = createDrain();
  const dispatch = createDispatch(options, bodyLimits, {
    before: drain.beforeAnswer,
    unread: createUnreadAnswers(limits),
  });
  const pipeline = createPipeline();
  const guard = createEventGuard((error) => options.onUnexpectedError?.(error));
  function forget(response: NodeResponse): void {
    drain.forgetRequest(response);
    dispatch.forget(response);
  }
  const handle = (request: NodeRequest, response: NodeResponse, beforeTurn?: () => void) => {
    drain.trackRequest(request, response);
    // One listener for all, because each one costs as much as a step of the call.
    closingOf(response).on("close", () => forget(response));
    const work = () => {
      beforeTurn?.();
      dispatch.handle(request, response);
    };
    if ("stream" in response) work();
    else pipeline.inTurn(request.socket, response, work);
  };
  const http1 = createHttp1Server(limits, guard, (request, response) => handle(request, response));
  const http2 = createHttp2Server(limits, guard, (request, response) => handle(request, response));
  const onCheckContinue: NodeHandler = (request, response) => {
    holdContinue(request, response);
    handle(request, response);
  };
  http1.on("connect", (request, socket) => {
    const response = new ServerResponse(request);
    guard.guardConnection(socket, response);
    response.shouldKeepAlive = false;
    handle(request, response, () => {
      response.once("finish", () => socket.end());
      try {
        response.assignSocket(socket as net.Socket);
      } catch {
        // Node itself is answering an earlier request.
        socket.destroy();
      }
    });
  });
  http2.on("connect", (request, response) => handle(request, response));
  http1.on("checkContinue", onCheckContinue);
  http2.on("checkContinue", onCheckContinue);
  drain.trackServer(http1);
  const listener =
    options.tls === undefined
      ? createPlainListener(http1, http2, limits.headersTimeoutMs, drain, guard)
      : createTlsListener(http1, http2, limits.headersTimeoutMs, drain, guard, options.tls);
  guard.guardServer(listener);
  return {
    listen: (port, host) => listen(listener, port, host),
    announceClose: drain.announce,
    close: (graceMs) => drain.close(listener, graceMs, dispatch.cutOff),
  };
}

function completeLimits(limits: Partial<ProtocolLimits>, bodyLimits: BodyLimits): ProtocolLimits {
  const headersTimeoutMs = limits.headersTimeoutMs ?? 10_000;
  return {
    headerBlockBytesMax,
    headerLinesMax: 100,
    headersTimeoutMs,
    // Later than the body's own limit, whose answer explains the error.
    requestTimeoutMs: headersTimeoutMs + bodyLimits.timeoutMs + 5_000,
    keepAliveTimeoutMs: 65_000,
    streamsPerSessionMax: 256,
    stalledAnswerMs: 30_000,
    unreadBytesMax: 64 * 1024 * 1024,
    ...limits,
  };
}

function createPlainListener(
  http1: Http1Server,
  http2: http2.Http2Server,
  timeoutMs: number,
  drain: Drain,
  guard: EventGuard,
): net.Server {
  // The options of http.createServer: the HTTP servers end their side themselves.
  const listener = net.createServer({ allowHalfOpen: true, noDelay: true });
  listener.on("connection", (socket) => {
    guard.guardConnection(socket, socket);
    drain.trackSocket(socket);
    sniffProtocol(socket, timeoutMs, (protocol) => {
      if (protocol === "http1") {
        http1.emit("connection", socket);
        socket.resume();
      } else {
        // An HTTP/2 session would not notice that a socket is half-open.
        socket.allowHalfOpen = false;
        drain.markUsed(socket);
        // The server emits it at once.
        http2.once("session", (session) => drain.trackSession(session, socket));
        http2.emit("connection", socket);
      }
    });
  });
  return listener;
}

function createTlsListener(
  http1: Http1Server,
  http2: http2.Http2Server,
  timeoutMs: number,
  drain: Drain,
  guard: EventGuard,
  { key, cert }: { key: string | Buffer; cert: string | Buffer },
): net.Server {
  const listener = tls.createServer({
    key,
    cert,
    ALPNProtocols: ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
    handshakeTimeout: timeoutMs,
    noDelay: true,
  });
  // The raw socket, so that an unfinished handshake cannot outlast the grace.
  listener.on("connection", (socket) => {
    guard.guardConnection(socket, socket);
    drain.trackSocket(socket);
    drain.markUsed(socket);
  });
  listener.on("secureConnection", (socket) => {
    guard.guardConnection(socket, socket);
    drain.trackSocket(socket);
    if (socket.alpnProtocol !== "h2") {
      http1.emit("connection", socket);
      return;
    }
    drain.markUsed(socket);
    http2.once("session", (session) => drain.trackSession(session, undefined));
    http2.emit("connection", socket);
  });
  return listener;
}

function listen(listener: net.Server, port: number, host: string): Promise<{ port: number; host: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ port: number; host: string }>();
  // Keep this listener: a connection that cannot be accepted because file descriptors ran out must not end the process.
  listener.on("error", reject);
  listener.listen(port, host, () => {
    const address = listener.address() as net.AddressInfo;
    resolve({ port: address.port, host: address.address });
  });
  return promise;
}

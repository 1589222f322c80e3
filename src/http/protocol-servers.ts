// The HTTP/1.1 and HTTP/2 servers of the port, with their limits. Neither listens by itself.
import * as http from "node:http";
import * as http2 from "node:http2";
import type { EventGuard } from "../wire/guard-events.ts";
import type { NodeHandler } from "./dispatch.ts";
import type { UnreadLimits } from "./unread-answers.ts";

export interface ProtocolLimits extends UnreadLimits {
  headerBlockBytesMax: number;
  headerLinesMax: number;
  /** Limits a whole header block, and HTTP/2's first settings. */
  headersTimeoutMs: number;
  /** Limits a whole request. */
  requestTimeoutMs: number;
  /** Limits the time in which a connection is idle. */
  keepAliveTimeoutMs: number;
  streamsPerSessionMax: number;
}

export function createHttp1Server(limits: ProtocolLimits, guard: EventGuard, handle: NodeHandler): http.Server {
  const server = http.createServer(
    {
      maxHeaderSize: limits.headerBlockBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
      IncomingMessage: guard.guardClass(http.IncomingMessage, ({ socket }) => socket),
      ServerResponse: guard.guardClass<typeof http.ServerResponse>(http.ServerResponse, ({ req }) => req.socket),
    },
    handle,
  );
  guard.guardServer(server);
  server.maxHeadersCount = limits.headerLinesMax;
  // Node starts to check these timeouts when a server listens, which this one never does.
  server.emit("listening");
  return server;
}

export function createHttp2Server(limits: ProtocolLimits, guard: EventGuard, handle: NodeHandler): http2.Http2Server {
  const server = http2.createServer(
    {
      maxHeaderListPairs: limits.headerLinesMax,
      // Megabytes of frames in transit.
      maxSessionMemory: 16,
      settings: {
        maxConcurrentStreams: limits.streamsPerSessionMax,
        maxHeaderListSize: limits.headerBlockBytesMax,
        enablePush: false,
      },
      Http2ServerRequest: guard.guardClass(http2.Http2ServerRequest, ({ stream }) => stream.session ?? stream),
      Http2ServerResponse: guard.guardClass<typeof http2.Http2ServerResponse>(
        http2.Http2ServerResponse,
        ({ stream }) => stream.session ?? stream,
      ),
    },
    handle,
  );
  guard.guardServer(server);
  // Before Node's own listener, which emits the request.
  server.prependListener("stream", (stream) => guard.guardConnection(stream.session ?? stream, stream));
  server.on("session", (session) => {
    guard.guardConnection(session, session);
    const timer = setTimeout(() => session.destroy(), limits.headersTimeoutMs);
    session.once("remoteSettings", () => clearTimeout(timer));
    session.once("close", () => clearTimeout(timer));
    let streams = 0;
    session.on("stream", (stream) => {
      streams++;
      stream.once("close", () => streams--);
    });
    session.setTimeout(limits.keepAliveTimeoutMs, () => {
      // Open streams may finish: a stream can wait long for its next message.
      session.close();
      // A client that reads nothing would keep the session open for its last frames.
      setTimeout(() => streams === 0 && session.destroy(), limits.stalledAnswerMs).unref();
    });
  });
  return server;
}

// Ends a server's connections: idle ones at once, busy ones after their requests, the rest when the grace is over.
import type * as http from "node:http";
import type * as http2 from "node:http2";
import type { Server, Socket } from "node:net";
import type { NodeRequest, NodeResponse } from "./exchange.ts";

export interface Drain {
  trackServers(http1: http.Server, http2: http2.Http2Server): void;
  /** A connection that is on its way to a protocol server. */
  trackSocket(socket: Socket): void;
  /** From now on it is only cut off when the grace is over; an HTTP/2 session ends its socket itself. */
  markUsed(socket: Socket): void;
  trackRequest(request: NodeRequest, response: NodeResponse): void;
  close(listener: Server, graceMs: number): Promise<void>;
}

export function createDrain(): Drain {
  const sockets = new Set<Socket>();
  /** Sockets on which no request has begun. */
  const unused = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const responses = new Set<http.ServerResponse>();
  let http1Server: http.Server | undefined;
  let isClosing = false;
  return {
    trackServers(http1, http2) {
      http1Server = http1;
      http2.on("session", (session) => {
        sessions.add(session);
        session.once("close", () => sessions.delete(session));
        if (isClosing) session.close();
      });
    },
    markUsed(socket) {
      unused.delete(socket);
    },
    trackSocket(socket) {
      // Node's servers listen for errors once they have the socket, not before.
      socket.on("error", () => {});
      for (const set of [sockets, unused]) {
        set.add(socket);
        socket.once("close", () => set.delete(socket));
      }
    },
    trackRequest(request, response) {
      if ("stream" in response) return;
      unused.delete(request.socket);
      responses.add(response);
      response.shouldKeepAlive &&= !isClosing;
      response.once("close", () => {
        responses.delete(response);
        // Answers that had begun already could not say "connection: close".
        if (isClosing) setImmediate(() => http1Server?.closeIdleConnections());
      });
    },
    async close(listener, graceMs) {
      isClosing = true;
      const closed = new Promise<void>((resolve) => {
        listener.close(() => resolve());
      });
      for (const response of responses) response.shouldKeepAlive = false;
      for (const session of sessions) session.close();
      for (const socket of unused) socket.destroy();
      http1Server?.close();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

// Closes a server's connections: idle ones at once, busy ones after their requests, the others at the end of the grace period.
import type * as http from "node:http";
import type { Http2ServerResponse, ServerHttp2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import type { NodeRequest, NodeResponse } from "../call/http-call.ts";
import { createLeavingSessions } from "./leave-session.ts";

export interface Drain {
  trackServer(http1: http.Server): void;
  /** `plainSocket`: given if the session has no TLS. */
  trackSession(session: ServerHttp2Session, plainSocket: Socket | undefined): void;
  /** Tracks a connection that no protocol server has yet. */
  trackSocket(socket: Socket): void;
  /** Marks a socket that is closed only at the end of the grace period. An HTTP/2 session closes its socket itself. */
  markUsed(socket: Socket): void;
  trackRequest(request: NodeRequest, response: NodeResponse): void;
  /** Must be called when the answer is closed. */
  forgetRequest(response: NodeResponse): void;
  /** Returns a promise that an answer must wait for before it is sent. Returns undefined unless the server is stopping. */
  beforeAnswer(response: NodeResponse): Promise<void> | undefined;
  /** From now on every answer and session tells its client to open a new connection; new connections are still accepted. */
  announce(): void;
  /** `cutOff` answers all open requests at the end of the grace period, before the connections are closed. */
  close(listener: Server, graceMs: number, cutOff: () => void): Promise<void>;
}

/** The time in which a new connection must send its request. */
const firstRequestMs = 250;
/** The time in which the answers of cut-off requests must be sent. */
const lastAnswersMs = 250;

export function createDrain(): Drain {
  const sockets = new Set<Socket>();
  /** Sockets without a request. */
  const unused = new Set<Socket>();
  const sessions = new Map<ServerHttp2Session, Socket | undefined>();
  const leaving = createLeavingSessions();
  const responses = new Set<http.ServerResponse>();
  let http1Server: http.Server | undefined;
  let isAnnounced = false;
  let isClosing = false;

  function announce(): void {
    if (isAnnounced) return;
    isAnnounced = true;
    for (const response of responses) response.shouldKeepAlive = false;
    for (const [session, plainSocket] of sessions) void leaving.ask(session, plainSocket);
  }

  return {
    announce,
    trackServer(http1) {
      http1Server = http1;
    },
    trackSession(session, plainSocket) {
      sessions.set(session, plainSocket);
      session.once("close", () => sessions.delete(session));
      if (isClosing) session.close();
      // A client that has just connected is about to send a request, which would fail if the session closed now.
      else if (isAnnounced) session.once("stream", () => void leaving.ask(session, plainSocket));
    },
    beforeAnswer(response) {
      return isAnnounced && isHttp2(response) ? leaving.quiet(response.stream) : undefined;
    },
    markUsed(socket) {
      unused.delete(socket);
    },
    trackSocket(socket) {
      // Node's servers do not listen for errors until they have the socket.
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
      response.shouldKeepAlive &&= !isAnnounced;
    },
    forgetRequest(response) {
      if (isHttp2(response)) return;
      responses.delete(response);
      // Answers that had begun before could not set "connection: close".
      if (isClosing) setImmediate(() => http1Server?.closeIdleConnections());
    },
    async close(listener, graceMs, cutOff) {
      announce();
      isClosing = true;
      const closed = new Promise<void>((resolve) => {
        listener.close(() => resolve());
      });
      for (const session of sessions.keys()) session.close();
      http1Server?.close();
      const timers = [
        setTimeout(() => destroyAll(unused), Math.min(firstRequestMs, graceMs)),
        setTimeout(cutOff, graceMs),
        setTimeout(() => destroyAll(sockets), graceMs + lastAnswersMs),
      ];
      await closed;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function isHttp2(response: NodeResponse): response is Http2ServerResponse {
  return "stream" in response;
}

function destroyAll(sockets: Iterable<Socket>): void {
  for (const socket of sockets) socket.destroy();
}

// Exceptions in listeners, on real servers: they end the connection they are about, are reported, and end nothing else.
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createEventGuard, type EventGuard } from "../../src/wire/guard-events.ts";

type Server = http.Server | http2.Http2Server | ReturnType<typeof createServer>;

/** A server whose listeners throw, and what its guard reports. */
async function serve(make: (guard: EventGuard) => Server): Promise<{ port: number; reported: string[] }> {
  const reported: string[] = [];
  const server = make(createEventGuard((error) => reported.push((error as Error).message)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, reported };
}

const fail = (what: string) => () => {
  throw new Error(what);
};

/** Resolves when the server has ended the connection. */
async function sendUntilClosed(port: number, bytes: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  socket.resume();
  socket.write(bytes);
  await once(socket, "close");
}

const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx";

test.each<[string, (guard: EventGuard) => Server]>([
  [
    "a connection",
    (guard) => {
      const server = createServer(fail("thrown"));
      guard.guardServer(server);
      return server;
    },
  ],
  [
    "a socket's bytes",
    (guard) =>
      createServer((socket) => {
        guard.guardConnection(socket, socket);
        socket.on("data", fail("thrown"));
      }),
  ],
  [
    "a request",
    (guard) => {
      const server = http.createServer(fail("thrown"));
      guard.guardServer(server);
      return server;
    },
  ],
  [
    "a request's body",
    (guard) =>
      http.createServer((request, response) => {
        guard.guardConnection(request.socket, request, response);
        request.on("data", fail("thrown"));
      }),
  ],
  [
    "a request of a guarded class",
    (guard) =>
      http.createServer(
        { IncomingMessage: guard.guardClass(http.IncomingMessage, ({ socket }) => socket) },
        (request) => void request.on("data", fail("thrown")),
      ),
  ],
  [
    "an answer of a guarded class",
    (guard) =>
      http.createServer(
        {
          ServerResponse: guard.guardClass<typeof http.ServerResponse>(http.ServerResponse, ({ req }) => req.socket),
        },
        (_request, response) => {
          response.on("finish", fail("thrown"));
          response.end();
        },
      ),
  ],
])("a listener of %s that throws ends the connection", async (_what, make) => {
  const { port, reported } = await serve(make);
  await sendUntilClosed(port, post);
  expect(reported).toEqual(["thrown"]);
});

test.each(["session", "stream", "checkContinue", "data"])(
  "a listener of HTTP/2's %s that throws ends that session, and no other",
  async (event) => {
    let isArmed = false;
    const { port, reported } = await serve((guard) => {
      const server = http2.createServer();
      guard.guardServer(server);
      server.on("request", (request, response) => {
        guard.guardConnection(request.stream.session ?? request.stream, request, response);
        if (event === "data" && isArmed) request.on("data", fail("thrown"));
        request.on("end", () => response.end("ok"));
        request.resume();
      });
      if (event === "data") return server;
      server.prependListener(event, (...values: [http2.Http2ServerRequest, http2.Http2ServerResponse]) => {
        if (isArmed) throw new Error("thrown");
        // The listener of this event decides about the request.
        if (event === "checkContinue") server.emit("request", ...values);
      });
      return server;
    });
    const open = () => {
      const session = http2.connect(`http://127.0.0.1:${port}`);
      session.on("error", () => {});
      onTestFinished(() => session.destroy());
      return session;
    };
    const send = (session: http2.ClientHttp2Session) => {
      const stream = session.request({ ":method": "POST", ":path": "/", expect: "100-continue" });
      stream.on("error", () => {});
      stream.end("x");
      return stream;
    };
    const other = open();
    await once(other, "remoteSettings");
    isArmed = true;
    const broken = open();
    send(broken);
    await once(broken, "close");
    expect(reported).toEqual(["thrown"]);
    isArmed = false;
    const [headers] = (await once(send(other), "response")) as [http2.IncomingHttpHeaders];
    expect(headers[":status"]).toBe(200);
  },
);

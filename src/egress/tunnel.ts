// Serves HTTP CONNECT. The proxy reads tunnels to hosts of bound secrets. It refuses other tunnels, or does not read them if the workspace allows them.
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { hadRuleFor, hasRuleFor } from "../domain/egress/check-request.ts";
import { valuesOf } from "../domain/egress/framing.ts";
import { readHostPattern } from "../domain/egress/host-pattern.ts";
import { networkRefusal } from "../domain/egress/network-limits.ts";
import type { Refusal } from "../domain/egress/refusal.ts";
import type { EgressSandbox } from "../domain/egress/sandbox.ts";
import type { EventGuard } from "../wire/guard-events.ts";
import { endWithAnswer } from "./answers.ts";
import type { Certificates } from "./certificates.ts";
import { addressOf, type ClientRoute, proxyToken } from "./client.ts";
import { type EnterParts, enter } from "./enter.ts";
import { type JoinParts, join } from "./join.ts";
import type { OpenTunnels } from "./open-tunnels.ts";
import { type Checked, type ProxiedRequest, proxyRequest, type Sides } from "./proxied-request.ts";
import type { EventParts } from "./request-events.ts";
import { failureCode, type Upstreams } from "./upstreams.ts";

export interface TunnelParts extends EnterParts, JoinParts, EventParts {
  /** The ports that requests may go to. */
  ports: ReadonlySet<number>;
  certificates: Certificates;
  openTunnels: OpenTunnels;
  upstreams: Upstreams;
  guard: EventGuard;
}

/** The server that reads the requests in tunnels, and the routes of their connections. */
export interface TunnelReader {
  server: Server;
  routes: WeakMap<object, ClientRoute>;
}

const handshakeMs = 10_000;
const established = "HTTP/1.1 200 Connection Established\r\n\r\n";

/** Resolves when the tunnel is refused, when the reader has it, or when a tunnel that nobody reads is closed. */
export function openTunnel(
  parts: TunnelParts,
  reader: TunnelReader,
  request: IncomingMessage,
  socket: Socket,
  early: Buffer,
): Promise<void> {
  const [, name = "", portText = "0"] = /^([^:[\]]*):(\d{1,5})$/.exec(request.url ?? "") ?? [];
  const route: ClientRoute = {
    token: proxyToken(request) ?? "",
    address: addressOf(socket),
    host: name.toLowerCase(),
    port: Number(portText),
  };
  return proxyRequest(
    parts,
    { method: "CONNECT", host: route.host || "-", target: "" },
    (answer) => endWithAnswer(socket, answer),
    async (proxied): Promise<Checked> => {
      const entered = await enter(parts, route.token, route.address);
      if ("answer" in entered) return entered;
      const { sandbox } = entered;
      const refusal = entered.refusal ?? refusalOf(parts, sandbox, route, request) ?? tooMany(parts, sandbox, socket);
      if (refusal) return { sandbox, refusal };
      if (early.byteLength > 0) socket.unshift(early);
      if (!isRead(sandbox, route.host)) {
        return { sandbox, secretIds: [], meters: [], sides: unreadSides(parts, route, socket, proxied) };
      }
      try {
        const secureContext = await parts.certificates.contextFor(sandbox.workspaceId, route.host);
        return { openTunnel: () => readTunnel(parts, reader, route, socket, secureContext) };
      } catch (error) {
        parts.onUnexpectedError(error);
        return { sandbox, refusal: { code: "inject_error" } };
      }
    },
  );
}

function refusalOf(
  parts: TunnelParts,
  sandbox: EgressSandbox,
  { host, port }: ClientRoute,
  request: IncomingMessage,
): Refusal | undefined {
  if (host === "" || valuesOf(request.rawHeaders, "host").length > 1) return { code: "bad_request" };
  if (!isDestination(parts, host, port)) return { code: "host_denied" };
  const outside = networkRefusal(sandbox.network, host);
  if (outside) return { code: outside };
  return isRead(sandbox, host) || sandbox.unmatched === "ALLOW" ? undefined : { code: "unmatched_host_denied" };
}

/** Whether the proxy reads the tunnel. It also does if the secret for the host is deleted, so that it can answer what its placeholder is worth. */
function isRead(sandbox: EgressSandbox, host: string): boolean {
  return hasRuleFor(sandbox, host) || hadRuleFor(sandbox, host);
}

function tooMany({ openTunnels }: TunnelParts, { sandboxId }: EgressSandbox, socket: Socket): Refusal | undefined {
  return openTunnels.open(sandboxId, socket) ? undefined : { code: "rate_limited" };
}

/** Whether the host is a name in its canonical form, and the port one that requests may go to. */
export function isDestination({ ports }: TunnelParts, host: string, port: number): boolean {
  const read = readHostPattern(host);
  return "pattern" in read && read.pattern === host && !host.startsWith("*") && ports.has(port);
}

/** Answers for the host with a certificate of the workspace, and gives the connection to the reader. */
function readTunnel(
  { guard }: TunnelParts,
  { server, routes }: TunnelReader,
  route: ClientRoute,
  socket: Socket,
  secureContext: SecureContext,
): void {
  // Node emits no "close" for TLS over a socket that is already closed, so the timer below would stay.
  if (socket.destroyed) return;
  socket.write(established);
  // Without ALPN clients use HTTP/1.1.
  const secured = new TLSSocket(socket, { isServer: true, secureContext });
  guard.guardConnection(socket, secured);
  const giveUp = () => void socket.destroy();
  const late = setTimeout(giveUp, handshakeMs);
  secured.on("error", giveUp);
  secured.on("end", giveUp);
  secured.on("close", () => clearTimeout(late));
  secured.once("secure", () => {
    clearTimeout(late);
    secured.off("end", giveUp);
    routes.set(secured, route);
    server.emit("connection", secured);
  });
}

function unreadSides(parts: TunnelParts, route: ClientRoute, socket: Socket, proxied: ProxiedRequest): Sides {
  let upstream: Duplex | undefined;
  return {
    send() {
      parts.upstreams.connect(route, { plain: true }).then(
        (connected) => {
          upstream = connected;
          proxied.answered(200);
        },
        (error: unknown) => proxied.fail(failureCode(error)),
      );
    },
    passOn() {
      if (!upstream) return;
      socket.write(established);
      join(parts, route, [socket, upstream], [], proxied);
    },
    breakHost: () => void upstream?.destroy(),
    breakClient: () => void socket.destroy(),
  };
}

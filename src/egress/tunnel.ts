// HTTP CONNECT. The proxy reads tunnels to hosts of bound secrets. It refuses other tunnels, or does not read them if the workspace allows them.
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { valuesOf } from "../domain/egress/framing.ts";
import { readHostPattern } from "../domain/egress/host-pattern.ts";
import { hadRuleFor, hasRuleFor } from "../domain/egress/judge-request.ts";
import { networkRefusal } from "../domain/egress/network-limits.ts";
import type { Refusal } from "../domain/egress/refusal.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import { endWithAnswer, eventsUnavailable, refusalAnswer } from "./answers.ts";
import { enter } from "./enter.ts";
import { join } from "./join.ts";
import type { EgressParts } from "./parts.ts";
import type { Visit } from "./prepare.ts";
import { createRecord, type Record } from "./record.ts";
import { failureCode } from "./upstreams.ts";
import { addressOf, proxyToken } from "./who.ts";

const handshakeMs = 10_000;
const established = "HTTP/1.1 200 Connection Established\r\n\r\n";

/** `inner` reads what comes through tunnels; `visits` tells it whose they are. */
export async function openTunnel(
  parts: EgressParts,
  inner: { server: Server; visits: WeakMap<object, Visit> },
  request: IncomingMessage,
  socket: Socket,
  early: Buffer,
): Promise<void> {
  const token = proxyToken(request) ?? "";
  const address = addressOf(socket);
  const entered = await enter(parts, token, address);
  if ("answer" in entered) return endWithAnswer(socket, entered.answer);
  const { sandbox, refusal } = entered;
  const [, name = "", portText = "0"] = /^([^:[\]]*):(\d{1,5})$/.exec(request.url ?? "") ?? [];
  const visit: Visit = { token, address, host: name.toLowerCase(), port: Number(portText) };
  const record = createRecord(parts, { method: "CONNECT", host: visit.host || "-", target: "" });
  try {
    const refused = refusal ?? refusalOf(parts, sandbox, visit, request) ?? tooMany(parts, sandbox, socket);
    if (refused) return endWithAnswer(socket, await refusalAnswer(parts, record, sandbox, refused));
    if (early.byteLength > 0) socket.unshift(early);
    if (!isRead(sandbox, visit.host)) return await joinBlindly(parts, visit, sandbox, socket, record);
    const secureContext = await parts.certificates.contextFor(sandbox.workspaceId, visit.host);
    socket.write(established);
    // Without ALPN: HTTP/1.1 is what is left.
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    parts.guard.guardConnection(socket, secured);
    const giveUp = () => void socket.destroy();
    const late = setTimeout(giveUp, handshakeMs);
    secured.on("error", giveUp);
    secured.on("end", giveUp);
    secured.on("close", () => clearTimeout(late));
    secured.once("secure", () => {
      clearTimeout(late);
      secured.off("end", giveUp);
      inner.visits.set(secured, visit);
      inner.server.emit("connection", secured);
    });
  } catch (error) {
    parts.onUnexpectedError(error);
    endWithAnswer(socket, await refusalAnswer(parts, record, sandbox, { code: "inject_error" }));
  } finally {
    record.finish();
  }
}

function refusalOf(
  parts: EgressParts,
  sandbox: JudgedSandbox,
  { host, port }: Visit,
  request: IncomingMessage,
): Refusal | undefined {
  if (host === "" || valuesOf(request.rawHeaders, "host").length > 1) return { code: "bad_request" };
  if (!isDestination(parts, host, port)) return { code: "host_denied" };
  const outside = networkRefusal(sandbox.network, host);
  if (outside) return { code: outside };
  return isRead(sandbox, host) || sandbox.unmatched === "ALLOW" ? undefined : { code: "unmatched_host_denied" };
}

/** Whether the proxy reads the tunnel. It also does if the secret for the host is deleted, so that it can answer what its placeholder is worth. */
function isRead(sandbox: JudgedSandbox, host: string): boolean {
  return hasRuleFor(sandbox, host) || hadRuleFor(sandbox, host);
}

function tooMany({ openTunnels }: EgressParts, { sandboxId }: JudgedSandbox, socket: Socket): Refusal | undefined {
  return openTunnels.open(sandboxId, socket) ? undefined : { code: "rate_limited" };
}

/** A name in its one form, and a port that requests may go to. */
export function isDestination({ ports }: EgressParts, host: string, port: number): boolean {
  const read = readHostPattern(host);
  return "pattern" in read && read.pattern === host && !host.startsWith("*") && ports.has(port);
}

async function joinBlindly(
  parts: EgressParts,
  visit: Visit,
  sandbox: JudgedSandbox,
  socket: Socket,
  record: Record,
): Promise<void> {
  let upstream: Duplex;
  try {
    upstream = await parts.upstreams.connect(visit, { plain: true });
  } catch (error) {
    return endWithAnswer(socket, await refusalAnswer(parts, record, sandbox, { code: failureCode(error) }));
  }
  try {
    await record.write(sandbox, { secretIds: [], status: 200, upstreamStatus: undefined, errorCode: "" });
  } catch (error) {
    parts.onUnexpectedError(error);
    upstream.destroy();
    return endWithAnswer(socket, eventsUnavailable);
  }
  socket.write(established);
  await join(parts, visit, socket, upstream, { record, secretIds: [], meters: [] });
}

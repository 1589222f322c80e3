// Makes an HttpCall of a node request. Refuses requests that proxies and servers might understand in two ways.
import type { BlockList } from "node:net";
import type { ContextValues } from "@connectrpc/connect";
import { peerKey, requestIdKey } from "../call/context.ts";
import { createHeaderMap } from "../call/header-map.ts";
import { closingOf, type HttpCall, type NodeRequest, type NodeResponse, type RequestHead } from "../call/http-call.ts";
import { CofferError } from "../domain/error/errors.ts";
import { clientAddress, isTrustedPeer } from "./client-address.ts";
import { type HeaderRules, readHeaders } from "./headers.ts";

export interface OpenCallOptions {
  headerRules: HeaderRules;
  /** Returns the id of a request that has none of its own. */
  newRequestId: () => string;
  /** The peers whose X-Forwarded-For, X-Real-IP and X-Forwarded-Proto coffer believes. */
  trustedProxies?: BlockList;
}

export const requestIdHeader = "x-request-id";

/** Fills `contextValues`, also when it throws REQUEST_MALFORMED. */
export function openCall(
  request: NodeRequest,
  response: NodeResponse,
  contextValues: ContextValues,
  { headerRules, newRequestId, trustedProxies }: OpenCallOptions,
): HttpCall {
  contextValues.set(requestIdKey, chooseRequestId(request.headers[requestIdHeader], newRequestId));
  const headers = readHeaders(request, headerRules);
  checkFraming(request, response, headers);
  if (request.method === "CONNECT") {
    throw new CofferError("METHOD_NOT_ALLOWED", "this port is not a proxy", {
      allow: "GET, HEAD, POST, PUT, PATCH, DELETE",
    });
  }
  const target = request.url ?? "";
  if (!/^\/[\x21-\x7e]*$/.test(target)) {
    throw new CofferError("REQUEST_MALFORMED", "the request target must be a path");
  }
  const forwarded = { forwardedFor: headers.get("x-forwarded-for"), realIp: headers.get("x-real-ip") };
  const address = clientAddress(request.socket.remoteAddress, forwarded, trustedProxies);
  if (address !== undefined) contextValues.set(peerKey, { address });
  const origin = `${schemeOf(request, headers, trustedProxies)}://${readAuthority(request)}`;
  return new OpenCall({ request, response, contextValues, headers, target, origin });
}

interface OpenCallParts {
  request: NodeRequest;
  response: NodeResponse;
  contextValues: ContextValues;
  headers: Headers;
  target: string;
  /** Scheme and host. */
  origin: string;
}

/** A class, because most calls need neither the URL nor the signal. */
class OpenCall implements HttpCall {
  readonly request: NodeRequest;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly contextValues: ContextValues;
  readonly receivedMs = performance.now();
  readonly #response: NodeResponse;
  readonly #target: string;
  readonly #origin: string;
  #signal: AbortSignal | undefined;

  constructor({ request, response, contextValues, headers, target, origin }: OpenCallParts) {
    const questionMark = target.indexOf("?");
    this.request = request;
    this.method = request.method ?? "";
    this.path = questionMark === -1 ? target : target.slice(0, questionMark);
    this.query = questionMark === -1 ? "" : target.slice(questionMark + 1);
    this.headers = headers;
    this.contextValues = contextValues;
    this.#response = response;
    this.#target = target;
    this.#origin = origin;
  }

  get url(): string {
    return this.#origin + this.#target;
  }

  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#response);
    return this.#signal;
  }
}

/** A proxy might see another end of such a body than coffer does, so nothing more is read from the connection. */
function checkFraming(request: NodeRequest, response: NodeResponse, headers: Headers): void {
  const coding = headers.get("transfer-encoding");
  if (coding === null) return;
  const isHttp10 = request.httpVersion === "1.0";
  if (!isHttp10 && coding.trim().toLowerCase() === "chunked") return;
  if (!("stream" in response)) response.shouldKeepAlive = false;
  const problem = isHttp10 ? "HTTP/1.0 has no transfer-encoding" : "the transfer-encoding must be chunked, alone";
  throw new CofferError("REQUEST_MALFORMED", problem);
}

/** Returns the head of a request that was refused before it became a call, so that the error can be shown as its surface shows errors. */
export function refusedHead({ method = "", url = "", headers }: NodeRequest): RequestHead {
  const [path = "", query = ""] = url.split("?", 2);
  const texts = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" && !name.startsWith(":") ? [[name, value] as const] : [],
  );
  return { method, path, query, headers: createHeaderMap(texts) };
}

export function isEncrypted({ socket }: NodeRequest): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}

/** Uses the client's own id if it is a plain word. */
function chooseRequestId(given: string | string[] | undefined, newRequestId: () => string): string {
  return typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : newRequestId();
}

function schemeOf(request: NodeRequest, headers: Headers, trustedProxies: BlockList | undefined): string {
  if (isEncrypted(request)) return "https";
  if (!isTrustedPeer(request.socket.remoteAddress, trustedProxies)) return "http";
  return headers.get("x-forwarded-proto")?.trim().toLowerCase() === "https" ? "https" : "http";
}

// Clients use few host names, and repeat them.
const knownAuthorities = new Set<string>();
const knownAuthoritiesMax = 64;

/** Checks the host here, because `new URL` would throw for an invalid one in code that does not expect it. */
function readAuthority(request: NodeRequest): string {
  const authority = "authority" in request ? request.authority : (request.headers.host ?? hostlessAuthority(request));
  if (!authority) throw new CofferError("REQUEST_MALFORMED", "the request names no host", { header: "host" });
  if (knownAuthorities.has(authority)) return authority;
  if (!/^[\w\-.~%!$&'()*+,;=:[\]]+$/.test(authority) || !URL.canParse(`http://${authority}/`)) {
    throw new CofferError("REQUEST_MALFORMED", "the header host is not a host", { header: "host" });
  }
  if (knownAuthorities.size >= knownAuthoritiesMax) knownAuthorities.clear();
  knownAuthorities.add(authority);
  return authority;
}

/** HTTP/1.0 requires no Host header, and load balancers use it for health checks. */
function hostlessAuthority({ httpVersion }: NodeRequest): string | undefined {
  return httpVersion === "1.0" ? "localhost" : undefined;
}

function signalOf(response: NodeResponse): AbortSignal {
  const controller = new AbortController();
  const abortUnlessWritten = () => {
    const isWritten = "stream" in response ? response.stream.writableFinished : response.writableFinished;
    if (!isWritten) controller.abort(new CofferError("CANCELED", "the client has disconnected"));
  };
  if (isClosed(response)) abortUnlessWritten();
  else closingOf(response).once("close", abortUnlessWritten);
  return controller.signal;
}

function isClosed(response: NodeResponse): boolean {
  return "stream" in response ? response.stream.closed : response.closed;
}

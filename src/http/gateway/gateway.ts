// Answers REST requests: route → one message → invoke → the surface's JSON.
import type { JsonValue, Registry } from "@bufbuild/protobuf";
import { CofferError } from "../../domain/error/errors.ts";
import type { Admit } from "../../rpc/authenticate.ts";
import { errorHeaders, httpStatusOf } from "../../rpc/errors.ts";
import type { Invoke } from "../../rpc/invoke.ts";
import type { RestSurface } from "../../surfaces/rest-surface.ts";
import { type BodyLimits, readBody } from "../body.ts";
import { connectErrorAnswer } from "../direct/connect-error-answer.ts";
import { type Answer, type Exchange, hasBody } from "../exchange.ts";
import { parseJson } from "../json/text.ts";
import { readQuery } from "./query.ts";
import { writeResponse } from "./response-json.ts";
import type { Route } from "./route.ts";
import { buildRouteTable } from "./routes.ts";
import { readRequest } from "./transcode.ts";

export interface GatewayOptions {
  surfaces: readonly RestSurface[];
  invoke: Invoke;
  admit: Admit;
  bodyLimits: BodyLimits;
  registry?: Registry;
}

export interface Gateway {
  /** Throws CofferError, or something unforeseen. */
  answer(exchange: Exchange): Promise<Answer>;
  /** An error as the surface of this path shows errors. */
  renderError(path: string, error: CofferError): Answer;
}

/** Throws when the surfaces' routes are broken or collide. */
export function createGateway(options: GatewayOptions): Gateway {
  const routes = buildRouteTable(options.surfaces);
  return {
    async answer(exchange) {
      const { route, variables } = routes.find(exchange.method, exchange.path);
      await options.admit(route.method.parent.typeName, exchange);
      const query = readQuery(exchange.query);
      const body = await readJsonBody(exchange, limitsOf(route, options));
      const { message, shape } = readRequest(route, { body, variables, query }, options.registry);
      const call = { protocolName: "rest", source: exchange, timeoutMs: undefined, shape } as const;
      const result = await options.invoke(route.method, message, call);
      return successAnswer(route, result.header, () => writeResponse(route, result.message, options.registry));
    },
    renderError: (path, error) => errorAnswer(routes.surfaceFor(path), error),
  };
}

/** A request that takes no body may have an empty one, which clients send. */
const noBodyBytesMax = 1024;

function limitsOf({ body }: Route, { bodyLimits }: GatewayOptions): BodyLimits {
  return body.kind === "none" ? { ...bodyLimits, sizeBytesMax: noBodyBytesMax } : bodyLimits;
}

async function readJsonBody(exchange: Exchange, limits: BodyLimits): Promise<JsonValue | undefined> {
  if (!hasBody(exchange.request)) return undefined;
  const contentType = exchange.headers.get("content-type");
  if (contentType !== null && !/^application\/json(?:\s*;\s*charset="?utf-?8"?)?$/i.test(contentType)) {
    throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "the content-type must be application/json");
  }
  const bytes = await readBody(exchange.request, limits);
  return bytes.byteLength === 0 ? undefined : parseJson(bytes);
}

function successAnswer(route: Route, header: Headers, json: () => JsonValue): Answer {
  const headers = headersOf(route.surface, Object.fromEntries(header));
  if (route.successStatus === 204) return { status: 204, headers };
  return {
    status: route.successStatus,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(json()),
  };
}

function errorAnswer(surface: RestSurface | undefined, error: CofferError): Answer {
  if (surface === undefined) return connectErrorAnswer(error, undefined, httpStatusOf(error));
  const { httpStatus, body } = surface.renderError(error, httpStatusOf(error));
  const headers: Record<string, string> = headersOf(surface, errorHeaders(error));
  headers["content-type"] = "application/json";
  if (httpStatus === 401) headers["www-authenticate"] = "Bearer";
  if (error.metadata["allow"] !== undefined) headers["allow"] = error.metadata["allow"];
  return { status: httpStatus, headers, body: JSON.stringify(body) };
}

function headersOf({ renderHeaders }: RestSurface, headers: Record<string, string>): Record<string, string> {
  return renderHeaders ? renderHeaders(headers, Date.now()) : { ...headers };
}

// Serves REST APIs from proto files: a request becomes one message, and the response message becomes JSON.
import type { JsonValue } from "@bufbuild/protobuf";
import { errorHeaders, httpStatusOf } from "../../call/errors.ts";
import { recordOf } from "../../call/header-map.ts";
import { type AdmittedCall, type Answer, type HttpCall, hasBody, type RequestHead } from "../../call/http-call.ts";
import type { CallResult } from "../../call/invoke.ts";
import { parseJson } from "../../call/json/text.ts";
import type { CallServer, Surface } from "../../call/surface.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { TranscodedApi } from "./api.ts";
import { readQuery } from "./query.ts";
import { readPathOnly } from "./read-path-only.ts";
import { readRequest } from "./read-request.ts";
import type { Route } from "./route.ts";
import { buildRouteTable, type RouteMatch, type RouteTable } from "./routes.ts";
import { writeResponse } from "./write-response.ts";

/**
 * Returns a surface for each API. They share one table of routes, so that the most specific route of all wins and an equal one is found
 * at start. Throws when routes are broken or collide.
 */
export function transcodedSurfaces(apis: readonly TranscodedApi[]): Surface[] {
  const routes = searchOnce(buildRouteTable(apis));
  return apis.map((api) => ({
    ...api,
    owns: (head) => apiOf(routes.find(head)) === api,
    answer: (call, server) => answer(routes.take(call), call, server),
    renderError(error, head) {
      routes.take(head);
      return errorAnswer(api, error);
    },
  }));
}

type Found = RouteMatch | Unrouted;

interface Unrouted {
  /** The API of similar paths, which shows the error. */
  api: TranscodedApi | undefined;
  failed: unknown;
}

function apiOf(found: Found): TranscodedApi | undefined {
  return "failed" in found ? found.api : found.route.api;
}

interface Search {
  find(head: RequestHead): Found;
  /** The same for the last time: nothing of the request stays in memory. */
  take(head: RequestHead): Found;
}

/** The server asks each surface for the same head, and then one of them for the answer. The table is searched once for all of them. */
function searchOnce(routes: RouteTable): Search {
  let last: { head: RequestHead; found: Found } | undefined;
  const findOnce = (head: RequestHead) => {
    if (last?.head === head) return last.found;
    const found = find(routes, head);
    last = apiOf(found) && { head, found };
    return found;
  };
  return {
    find: findOnce,
    take(head) {
      const found = findOnce(head);
      last = undefined;
      return found;
    },
  };
}

function find(routes: RouteTable, { method, path }: RequestHead): Found {
  try {
    return routes.find(method, path);
  } catch (failed) {
    return { api: routes.nearestApi(path), failed };
  }
}

async function answer(found: Found, call: HttpCall, server: CallServer): Promise<Answer> {
  if ("failed" in found) throw found.failed;
  const { route, variables } = found;
  const admitted = await server.admit(route.api, call);
  const query = call.query === "" ? noQuery : readQuery(call.query);
  const body = hasBody(call.request) ? await readJsonBody(route, admitted, server) : undefined;
  const input = { body, variables, query };
  const { message, shape } = readPathOnly(route, input) ?? readRequest(route, input);
  const request = { protocolName: "rest", source: call, timeoutMs: undefined, shape } as const;
  const result = await server.invoke(route.method, message, request);
  return successAnswer(route, result);
}

const noQuery: ReadonlyMap<string, string[]> = new Map();

/** For a request that takes no body: clients send empty ones. */
const noBodyBytesMax = 1024;

async function readJsonBody(
  { body: { kind } }: Route,
  call: AdmittedCall,
  server: CallServer,
): Promise<JsonValue | undefined> {
  const contentType = call.headers.get("content-type");
  if (contentType !== null && !/^application\/json(?:\s*;\s*charset="?utf-?8"?)?$/i.test(contentType)) {
    throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "the content-type must be application/json");
  }
  const bytes = await server.readBody(call, kind === "none" ? noBodyBytesMax : undefined);
  return bytes.byteLength === 0 ? undefined : parseJson(bytes);
}

function successAnswer(route: Route, { header, message }: CallResult): Answer {
  const { api, successStatus: status } = route;
  const headers = headersOf(api, recordOf(header));
  if (status === 204) return { status, headers };
  headers["content-type"] = "application/json";
  return { status, headers, body: writeResponse(route, message) };
}

function errorAnswer(api: TranscodedApi, error: CofferError): Answer {
  const { httpStatus, body } = api.showError(error, httpStatusOf(error));
  const headers: Record<string, string> = headersOf(api, { ...errorHeaders(error) });
  headers["content-type"] = "application/json";
  if (httpStatus === 401) headers["www-authenticate"] = "Bearer";
  if (error.metadata["allow"] !== undefined) headers["allow"] = error.metadata["allow"];
  return { status: httpStatus, headers, body: JSON.stringify(body) };
}

/** May change and return `headers`. */
function headersOf({ showHeaders }: TranscodedApi, headers: Record<string, string>): Record<string, string> {
  return showHeaders ? showHeaders(headers, Date.now()) : headers;
}

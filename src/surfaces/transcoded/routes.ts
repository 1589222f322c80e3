// The table of all REST routes. It is built at start, which fails if two routes fit the same paths.

import { readRequestPath } from "../../call/request-path.ts";
import { CofferError } from "../../domain/error/errors.ts";
import type { TranscodedApi } from "./api.ts";
import { bindVariables, matchesTemplate, templateShape } from "./path-template.ts";
import { type Route, readRoutes } from "./route.ts";

export interface RouteMatch {
  route: Route;
  /** The texts of the template's variables, in their order. */
  variables: readonly string[];
}

export interface RouteTable {
  /** Returns the most specific route of a request. Throws ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED (metadata `allow`) or REQUEST_MALFORMED. */
  find(httpMethod: string, path: string): RouteMatch;
  /** Returns the API that shares most literal segments at the beginning of a path, the first of equals. Its errors are shown there. */
  nearestApi(path: string): TranscodedApi | undefined;
}

export function buildRouteTable(apis: readonly TranscodedApi[]): RouteTable {
  const declared = apis.flatMap((api) =>
    api.services.flatMap(({ desc }) => desc.methods.flatMap((method) => readRoutes(api, method))),
  );
  refuseDuplicates(declared);
  const routes = declared.toSorted(bySpecificity);
  const byVerb = Map.groupBy(routes, (route) => route.template.verb);
  return {
    find: (httpMethod, path) => findRoute(byVerb, httpMethod, path),
    nearestApi: (path) => nearestApi(declared, path),
  };
}

/**
 * Orders routes by the leftmost segment that differs: a literal, then `*`, then `**` before other segments, then `**` at the end. Of
 * equal paths, a certain HTTP method comes before any.
 */
function bySpecificity(a: Route, b: Route): number {
  const [keyA, keyB] = [sortKey(a), sortKey(b)];
  if (keyA === keyB) return 0;
  return keyA < keyB ? -1 : 1;
}

function sortKey({ template, httpMethod }: Route): string {
  const end = template.segments.length - 1;
  const ranks = template.segments.map(({ kind }, i) => ({ literal: "0", one: "1", rest: i < end ? "2" : "3" })[kind]);
  // The end of a template also comes before `**`.
  return `${ranks.join("")}.${httpMethod === "*" ? "1" : "0"}`;
}

function refuseDuplicates(routes: readonly Route[]): void {
  const owners = new Map<string, Route>();
  for (const route of routes) {
    const key = `${route.httpMethod} ${templateShape(route.template)}`;
    const owner = owners.get(key);
    if (owner !== undefined) throw new Error(`duplicate route ${key}: ${nameOf(owner)} and ${nameOf(route)}`);
    owners.set(key, route);
  }
}

function nameOf({ method }: Route): string {
  return `${method.parent.typeName}.${method.name}`;
}

function findRoute(byVerb: ReadonlyMap<string, readonly Route[]>, httpMethod: string, path: string): RouteMatch {
  const { segments, withVerb } = readRequestPath(path);
  // A colon begins a verb only if a route of that shape has this verb. Otherwise it belongs to the segment.
  const withThisVerb = withVerb && byVerb.get(withVerb.verb);
  if (withVerb && withThisVerb?.some(({ template }) => matchesTemplate(template, withVerb.segments))) {
    return choose(withThisVerb, httpMethod, withVerb.segments);
  }
  return choose(byVerb.get("") ?? [], httpMethod, segments);
}

function choose(routes: readonly Route[], httpMethod: string, segments: readonly string[]): RouteMatch {
  for (const route of routes) {
    if (isFor(route, httpMethod) && matchesTemplate(route.template, segments)) {
      return { route, variables: bindVariables(route.template, segments) };
    }
  }
  const ofPath = routes.filter(({ template }) => matchesTemplate(template, segments));
  if (ofPath.length === 0) throw new CofferError("ROUTE_NOT_FOUND", "the path is not found");
  const methods = ofPath.flatMap((candidate) =>
    candidate.httpMethod === "GET" ? ["GET", "HEAD"] : [candidate.httpMethod],
  );
  const allow = [...new Set(methods)].sort().join(", ");
  throw new CofferError("METHOD_NOT_ALLOWED", `this path takes only ${allow}`, { allow });
}

/** HEAD is answered like GET, without the body (RFC 9110, section 9.3.2). */
function isFor(route: Route, httpMethod: string): boolean {
  return route.httpMethod === "*" || route.httpMethod === (httpMethod === "HEAD" ? "GET" : httpMethod);
}

function nearestApi(routes: readonly Route[], path: string): TranscodedApi | undefined {
  const segments = path.slice(1).split("/");
  let nearest: TranscodedApi | undefined;
  let longest = 0;
  for (const { api, template } of routes) {
    const differs = template.segments.findIndex(
      (segment, i) => segment.kind === "rest" || (segment.kind === "literal" && segment.text !== segments[i]),
    );
    const beginning = differs === -1 ? template.segments : template.segments.slice(0, differs);
    const shared = beginning.filter(({ kind }) => kind === "literal").length;
    if (shared > longest) [nearest, longest] = [api, shared];
  }
  return nearest;
}

// Requests made from the contracts: each valid one is accepted, each with one broken constraint is refused as the documents show refusals.
import { describe, expect, it } from "vitest";
import { createAkuaSecret, deleteAkuaSecret, getAkuaSecret } from "../support/akua.ts";
import { useCoffer } from "../support/coffer.ts";
import { brokenRequests, type MadeRequest, requestsWithNull, validRequests } from "../support/contract-requests.ts";
import { type ContractRoute, contractOf, fits } from "../support/contracts.ts";
import { createRavenSecret, teamOf } from "../support/dataraven.ts";
import { newName } from "../support/secrets.ts";
import { serveBody, served } from "../support/superserve.ts";
import { createThalassa, organisationOf, thalassaEnv, thalassaRegion } from "../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

type Json = Record<string, unknown>;

/** The parts of a request that make it about something that exists. */
interface Prepared {
  /** By the names in the path. */
  path?: Record<string, string>;
  headers?: Record<string, string>;
  /** Replaces parts of the body, such as a name that must not be taken. */
  change?: (body: Json, field: string) => Json;
}

const uniqueName = (name: () => string) => (body: Json, field: string) =>
  field === "name" || !("name" in body) ? body : { ...body, name: name() };
const plainName = () => newName("made").replaceAll("-", "_");

async function akuaSecret(): Promise<Prepared> {
  const { id, etag } = await createAkuaSecret(coffer);
  return { path: { id }, headers: { "if-match": etag }, change: uniqueName(() => newName("made")) };
}

async function superserveSecret(): Promise<Prepared> {
  const { name } = await served<{ name: string }>(coffer, "/secrets", { json: serveBody() });
  return { path: { name } };
}

async function sandbox(): Promise<Prepared> {
  const { id } = await served<{ id: string }>(coffer, "/sandboxes", { json: { name: plainName() } });
  const { name } = await served<{ name: string }>(coffer, "/secrets", { json: serveBody() });
  return { path: { id }, change: (body, field) => (field === "secret_name" ? body : { ...body, secret_name: name }) };
}

async function thalassaSecret(): Promise<Prepared> {
  const { path } = await createThalassa(coffer);
  return { ...(await inRegion()), path: { region: thalassaRegion, path } };
}

async function inRegion(): Promise<Prepared> {
  return {
    path: { region: thalassaRegion },
    headers: { "x-organisation-identity": await organisationOf(coffer) },
    change(body, field) {
      if (field === "path" || field === "name") return body;
      const path = "path" in body && "kmsKeyIdentity" in body ? { path: `/made/${newName()}` } : {};
      return { ...body, ...path, ...("name" in body ? { name: newName("key") } : {}) };
    },
  };
}

async function thalassaKey(): Promise<Prepared> {
  const prepared = await inRegion();
  const response = await coffer.fetch(`/v1/kms/${thalassaRegion}/keys`, {
    headers: prepared.headers ?? {},
    json: { name: newName("key") },
  });
  const { identity } = (await response.json()) as { identity: string };
  return { ...prepared, path: { region: thalassaRegion, identity } };
}

async function inTeam(): Promise<Prepared> {
  return { path: { team_id: await teamOf(coffer) }, change: uniqueName(() => newName("made")) };
}

async function ravenSecret(): Promise<Prepared> {
  const team = await teamOf(coffer);
  const { id } = await createRavenSecret(coffer, team);
  return { ...(await inTeam()), path: { team_id: team, secret_id: id } };
}

const nothing = async (): Promise<Prepared> => ({});

const preparations: Record<string, () => Promise<Prepared>> = {
  "POST /v1/secrets": async () => ({ change: uniqueName(() => newName("made")) }),
  "GET /v1/secrets": nothing,
  "PATCH /v1/secrets/{id}": akuaSecret,
  "DELETE /v1/secrets/{id}": akuaSecret,
  "POST /v1/secrets/{id}/versions": akuaSecret,
  "GET /v1/secrets/{id}/versions": akuaSecret,
  "POST /secrets": async () => ({ change: uniqueName(plainName) }),
  "PATCH /secrets/{name}": superserveSecret,
  "GET /secrets/{name}/audit": superserveSecret,
  "POST /sandboxes": async () => ({ change: uniqueName(plainName) }),
  "GET /sandboxes/{id}/network": sandbox,
  "POST /sandboxes/{id}/secrets": sandbox,
  "POST /v1/secrets/{region}/secrets": inRegion,
  "GET /v1/secrets/{region}/secrets": inRegion,
  "PUT /v1/secrets/{region}/secret{path}/policy": thalassaSecret,
  "POST /v1/secrets/{region}/secret{path}/versions": thalassaSecret,
  "POST /v1/secrets/{region}/secret{path}/value": thalassaSecret,
  "POST /v1/kms/{region}/keys": inRegion,
  "PATCH /v1/kms/{region}/keys/{identity}/rotation": thalassaKey,
  "POST /v1/kms/{region}/keys/{identity}/encrypt": thalassaKey,
  "POST /v1/teams/{team_id}/secrets": inTeam,
  "GET /v1/teams/{team_id}/secrets": inTeam,
  "PATCH /v1/teams/{team_id}/secrets/{secret_id}": ravenSecret,
};

function asQueryText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function send(route: ContractRoute, { value, field }: MadeRequest): Promise<Response> {
  const prepare = preparations[route.request];
  if (!prepare) throw new Error(`nothing prepares ${route.request}`);
  const { path = {}, headers = {}, change = (body: Json) => body } = await prepare();
  const [method = "", template = ""] = route.request.split(" ");
  const url = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => path[name] ?? "");
  if (route.body !== undefined) return coffer.fetch(url, { method, headers, json: change(value, field) });
  const query = new URLSearchParams(Object.entries(value).map(([name, text]) => [name, asQueryText(text)]));
  return coffer.fetch(`${url}?${query}`, { method, headers });
}

describe.each(["akua", "superserve", "thalassa", "dataraven"])("%s", (surface) => {
  const contract = contractOf(surface);
  const routes = contract.routes.filter(({ request }) => Object.hasOwn(preparations, request));

  it.each(routes.map((route) => [route.request, route] as const))("%s accepts what is valid", async (_, route) => {
    const name = route.body ?? route.query ?? "";
    const requests = validRequests(contract, name);
    const withNull = route.body === undefined ? [] : requestsWithNull(contract, name);
    expect(requests.length).toBeGreaterThan(0);
    for (const { what, value } of requests) expect([what, fits(contract, name, value)]).toEqual([what, true]);
    for (const request of [...requests, ...withNull]) {
      const response = await send(route, request);
      const text = await response.text();
      expect([request.what, response.status, response.ok ? "" : text]).toEqual([
        request.what,
        Number(Object.keys(route.answers)[0]),
        "",
      ]);
    }
  });

  it.each(routes.map((route) => [route.request, route] as const))(
    "%s refuses what is not, and names it",
    async (_, route) => {
      const name = route.body ?? route.query ?? "";
      for (const request of brokenRequests(contract, name)) {
        // In a query everything is text.
        const asText = { ...request.value, [request.field]: asQueryText(request.value[request.field]) };
        if (route.query !== undefined && fits(contract, name, asText)) continue;
        if (fits(contract, name, request.value)) continue;
        const response = await send(route, request);
        const text = await response.text();
        expect([request.what, response.status, text]).toEqual([
          request.what,
          400,
          expect.stringContaining(request.field),
        ]);
      }
    },
  );
});

it("a deleted secret of Akua is undeleted without a body, or with an empty one", async () => {
  for (const json of [undefined, {}]) {
    const secret = await createAkuaSecret(coffer);
    await deleteAkuaSecret(coffer, secret);
    const { etag } = await getAkuaSecret(coffer, secret);
    const init = { method: "POST", headers: { "if-match": etag }, ...(json ? { json } : {}) };
    expect((await coffer.fetch(`/v1/secrets/${secret.id}:undelete`, init)).status).toBe(200);
  }
});

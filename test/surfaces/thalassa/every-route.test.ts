// Rules for every request of Thalassa Cloud's surface, on the real servers: permissions, organisations and rate limits.
import { describe, expect, it } from "vitest";
import { KeyService } from "../../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { SecretService } from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { unknownKeyId } from "../../support/keys.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";
import { organisationOf, secretUrl, thalassa, thalassaEnv } from "../../support/thalassa.ts";
import { requestOf, type ThalassaTarget, thalassaRoutes, thalassaTarget } from "../../support/thalassa-routes.ts";

const coffer = useCoffer({ env: thalassaEnv });

/** Everything that the surface shows, but for when values were read: that is noted down behind the reads of other tests. */
async function all({ path, identity }: ThalassaTarget) {
  const requests = [
    "GET /v1/kms/summary",
    `GET /v1/kms/nl-01/keys/${identity}`,
    "GET /v1/secrets/nl-01/secrets",
    `GET ${secretUrl(path)}?includeVersions=true`,
  ];
  const answers = await Promise.all(requests.map((request) => thalassa(coffer, request)));
  const text = JSON.stringify(
    answers.map(({ body }) => body),
    (name, value) => (name === "lastAccessedAt" ? undefined : value),
  );
  return JSON.parse(text) as unknown;
}

it("the table has every request that the schemas have", () => {
  const rpcs = [SecretService, KeyService].flatMap(({ methods }) => methods.map(({ name }) => name));
  expect(thalassaRoutes.map(({ rpc }) => rpc).sort()).toEqual(rpcs.sort());
});

describe.each(thalassaRoutes)("$request", (route) => {
  const json = (target: ThalassaTarget) => (route.body ? { json: route.body(target) } : {});

  it("succeeds with its status, for Bearer and Token, with exactly its permissions", async () => {
    const target = await thalassaTarget(coffer, route);
    const token = await coffer.tokenWithRole(Role.OWNER, [...route.permissions]);
    const headers = { authorization: `Token ${token}` };
    const answer = await thalassa(coffer, requestOf(route, target), { ...json(target), token: null, headers });
    expect(answer.status).toBe(route.success);
    expect(answer.body === undefined).toBe(route.success === 204);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const other = await thalassaTarget(coffer, route);
    expect((await thalassa(coffer, requestOf(route, other), json(other))).status).toBe(route.success);
  });

  it("denies without a token, with a wrong one, and without a permission; nothing changes", async () => {
    const target = await thalassaTarget(coffer, route);
    const before = await all(target);
    const send = (token: string | null) => thalassa(coffer, requestOf(route, target), { ...json(target), token });
    for (const token of [null, "none"]) {
      const { status, body, headers } = await send(token);
      expect([status, body]).toEqual([401, { message: expect.any(String) }]);
      expect(headers.get("www-authenticate")).toBe("Bearer");
    }
    const { permissions } = await coffer.clients().tokens.whoAmI({});
    for (const permission of route.permissions) {
      const others = permissions.filter((held) => held !== permission);
      const { status, body } = await send(await coffer.tokenWithRole(Role.OWNER, others));
      expect([status, body]).toEqual([403, { message: `permission ${permission} is missing` }]);
    }
    expect(await all(target)).toEqual(before);
  });

  it("needs the organisation, which must be the token's; a project is the same one or is not found", async () => {
    const target = await thalassaTarget(coffer, route);
    const before = await all(target);
    const home = await organisationOf(coffer);
    const { workspaceId: away } = await otherWorkspace(coffer);
    const send = (organisation?: string, project?: string) => {
      const headers = { "x-organisation-identity": organisation, "x-project-identity": project };
      return thalassa<{ message: string }>(coffer, requestOf(route, target), { ...json(target), headers });
    };
    for (const organisation of [undefined, "", "w".repeat(54)]) {
      const { status, body } = await send(organisation);
      expect([status, body.message]).toEqual([400, expect.stringContaining("X-Organisation-Identity: ")]);
    }
    expect(await send(away)).toMatchObject({ status: 403 });
    expect(await send("ws_none")).toMatchObject({ status: 403 });
    for (const project of [away, "", "ws_none"]) {
      expect(await send(home, project)).toMatchObject({ status: 404, body: { message: "the project is not found" } });
    }
    expect(await all(target)).toEqual(before);
    expect((await send(home, home)).status).toBe(route.success);
  });

  it("finds nothing in a region that is not there, and what is not there in one that is", async () => {
    const target = await thalassaTarget(coffer, route);
    const before = await all(target);
    const send = (request: string) => thalassa(coffer, request, json(target));
    if (route.request.includes("{region}")) {
      expect(await send(requestOf(route, target, "nl-09"))).toMatchObject({
        status: 404,
        body: { message: 'region "nl-09" is not configured; available: nl-01, nl-02' },
      });
    }
    if (/\{(path|identity)\}/.test(route.request)) {
      const foreign = { region: "nl-02", target };
      const unknown = { region: "nl-01", target: { path: "/none", identity: unknownKeyId } };
      for (const { region, target: missing } of [foreign, unknown]) {
        const { status, body } = await send(requestOf(route, missing, region));
        expect([status, body]).toEqual([404, { message: expect.stringMatching(/^there is no such (secret|key)$/) }]);
      }
      const { workspaceId } = await otherWorkspace(coffer);
      const headers = { "x-organisation-identity": workspaceId };
      const broad = { ...json(target), token: await issueBroadToken(coffer), headers };
      expect(await thalassa(coffer, requestOf(route, target), broad)).toMatchObject({ status: 404 });
    }
    expect(await all(target)).toEqual(before);
  });

  it("refuses fields and parameters that it does not know", async () => {
    const target = await thalassaTarget(coffer, route);
    const request = requestOf(route, target);
    const before = await all(target);
    const query = `${request}${request.includes("?") ? "&" : "?"}sort=name`;
    const { status, body } = await thalassa<{ message: string }>(coffer, query, json(target));
    expect([status, body.message]).toEqual([400, "sort: is not a known parameter"]);
    if (route.body) {
      const extra = { json: { ...route.body(target), nope: 1 } };
      expect(await thalassa(coffer, request, extra)).toMatchObject({
        status: 400,
        body: { message: "nope: is not a known field" },
      });
    }
    expect(await all(target)).toEqual(before);
  });

  it.runIf(route.changes)("replays with one idempotency key, and refuses the key for another request", async () => {
    const target = await thalassaTarget(coffer, route);
    const init = { ...json(target), headers: { "idempotency-key": `key ${route.rpc}` } };
    const send = (request: string) => thalassa(coffer, request, init);
    const first = await send(requestOf(route, target));
    const after = await all(target);
    const second = await send(requestOf(route, target));
    expect([first.status, second.status]).toEqual([route.success, route.success]);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(await all(target)).toEqual(after);
    const other = await send(requestOf(route, await thalassaTarget(coffer, route), "nl-02"));
    if (/\{(path|identity)\}/.test(route.request)) expect([404, 409]).toContain(other.status);
    else expect(other.status).toBe(409);
  });
});

it.each(["X-Organisation-Identity", "X-Project-Identity"])("refuses %s when it comes twice", async (name) => {
  const organisation = await organisationOf(coffer);
  const lines = [
    "GET /v1/kms/summary HTTP/1.1",
    `host: ${new URL(coffer.url).host}`,
    `authorization: Bearer ${coffer.ownerToken}`,
    `x-organisation-identity: ${organisation}`,
    `${name}: ${organisation}`,
  ];
  const project = name.startsWith("X-Project") ? [`${name}: ${organisation}`] : [];
  const { status, body } = await sendRaw(coffer.url, rawRequest([...lines, ...project]));
  expect([status, JSON.parse(body)]).toEqual([400, { message: expect.stringContaining(name.toLowerCase()) }]);
});

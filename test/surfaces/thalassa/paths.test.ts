// How requests name a secret: in the URL, in the query, in the body; and what in a URL names none.
import { describe, expect, it } from "vitest";
import { AuditDecision } from "../../../gen/coffer/v1/audit_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";
import { createSecret, newName } from "../../support/secrets.ts";
import {
  base64,
  createThalassa,
  newSecretBody,
  organisationOf,
  readThalassa,
  secretsUrl,
  secretUrl,
  thalassa,
  thalassaEnv,
} from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });
const json = { secretString: base64("v2") };

describe("the path may stand", () => {
  it("in the URL, percent-encoded or not", async () => {
    const { path } = await createThalassa(coffer, { path: "/a+b/c.d" });
    for (const spelled of [path, "/a%2Bb/c%2Ed"]) {
      expect(await thalassa(coffer, `GET ${secretUrl(spelled)}`)).toMatchObject({ status: 200, body: { path } });
    }
  });

  it("in the query of every method, also beside the URL and the body when it is the same", async () => {
    const path = `/app/${newName()}`;
    const query = `path=${encodeURIComponent(path)}`;
    const { path: _, ...unnamed } = newSecretBody();
    expect(await thalassa(coffer, `POST ${secretsUrl}?${query}`, { json: unnamed })).toMatchObject({
      status: 201,
      body: { path },
    });
    const policy = { conditions: [{ type: "ip", effect: "allow", cidrs: ["127.0.0.0/8"] }] };
    for (const url of [secretUrl(""), secretUrl(path)]) {
      for (const named of [{}, { path }]) {
        const put = { json: { ...named, accessPolicy: policy } };
        expect((await thalassa(coffer, `PUT ${url}/policy?${query}`, put)).status).toBe(200);
        const add = { json: { ...named, ...json } };
        expect((await thalassa(coffer, `POST ${url}/versions?${query}`, add)).status).toBe(201);
        expect(await thalassa(coffer, `POST ${url}/value?${query}`, { json: named })).toMatchObject({
          status: 200,
          body: { path, secretString: base64("v2") },
        });
      }
      expect((await thalassa(coffer, `POST ${url}/value?${query}`)).status).toBe(200);
    }
    expect((await thalassa(coffer, `DELETE ${secretUrl("")}/versions?${query}&version=1`)).status).toBe(204);
    expect((await thalassa(coffer, `DELETE ${secretUrl("")}?${query}`)).status).toBe(204);
  });

  it("in the query of GET and DELETE, in the body of POST, also beside the URL when it is the same", async () => {
    const { path } = await createThalassa(coffer);
    const query = `path=${encodeURIComponent(path)}`;
    expect(await thalassa(coffer, `GET ${secretUrl("")}?${query}`)).toMatchObject({ status: 200, body: { path } });
    const added = await thalassa(coffer, `POST ${secretUrl("")}/versions`, { json: { path, ...json } });
    expect([added.status, added.body]).toEqual([201, { path, version: 2 }]);
    expect((await thalassa(coffer, `POST ${secretUrl(path)}/versions`, { json: { path, ...json } })).status).toBe(201);
    for (const url of [secretUrl(""), secretUrl(path)]) {
      const read = await thalassa(coffer, `POST ${url}/value`, { json: { path, version: 1 } });
      expect(read).toMatchObject({ status: 200, body: { path, version: 1, secretString: base64("v1") } });
    }
    expect((await thalassa(coffer, `DELETE ${secretUrl("")}/versions?${query}&version=1`)).status).toBe(204);
    expect((await thalassa(coffer, `DELETE ${secretUrl(path)}/versions?${query}&version=2`)).status).toBe(204);
    expect((await thalassa(coffer, `DELETE ${secretUrl("")}?${query}`)).status).toBe(204);
    expect((await thalassa(coffer, `GET ${secretUrl(path)}`)).status).toBe(404);
  });

  it("nowhere else, not twice, and not in two ways that differ", async () => {
    const { path } = await createThalassa(coffer);
    const message = async (request: string, init = {}) => (await thalassa(coffer, request, init)).body;
    expect(await message(`GET ${secretUrl("")}`)).toEqual({ message: "path: is required" });
    expect(await message(`POST ${secretUrl("")}/value`)).toEqual({ message: "path: is required" });
    for (const [request, init] of [
      [`POST ${secretUrl(path)}/value`, { json: { path: "/other" } }],
      [`POST ${secretUrl(path)}/versions`, { json: { path: path.slice(1), ...json } }],
      [`DELETE ${secretUrl(path)}?path=/other`, {}],
      [`POST ${secretUrl(path)}/value?path=/other`, {}],
      [`POST ${secretUrl(path)}/versions?path=/other`, { json }],
      [`PUT ${secretUrl(path)}/policy?path=/other`, { json: { accessPolicy: null } }],
    ] as const) {
      expect(await message(request, init)).toEqual({ message: "path: must be the path in the URL" });
    }
    for (const request of [`POST ${secretUrl("")}/value`, `PUT ${secretUrl("")}/policy`, `POST ${secretsUrl}`]) {
      const named = { json: newSecretBody({ path }) };
      const twice = await message(`${request}?path=/other`, request.endsWith("secrets") ? named : { json: { path } });
      expect(twice).toEqual({ message: expect.stringMatching(/path: is given already/) });
      expect(await message(`${request}?path=/a&path=/a`, { json: {} })).toEqual({
        message: expect.stringMatching(/path: must be given once/),
      });
      expect(await message(`${request}?version=1&secretString=aa`, { json: {} })).toEqual({
        message: expect.stringMatching(/(version|secretString): is not a known parameter/),
      });
    }
    expect(await message(`GET ${secretUrl(path)}?urlPath=x`)).toEqual({ message: expect.stringContaining("urlPath") });
    expect((await thalassa(coffer, `GET ${secretUrl(path)}`)).status).toBe(200);
  });
});

it.each(["value", "versions", "policy"])(
  "a secret of coffer.v1 whose path ends in /%s is reached by ?path=",
  async (end) => {
    const path = `/${newName()}/${end}`;
    await createSecret(coffer, { name: path, region: "nl-01" });
    const query = `?path=${path}`;
    expect(await thalassa(coffer, `GET ${secretUrl("")}${query}`)).toMatchObject({ status: 200, body: { path } });
    expect((await thalassa(coffer, `POST ${secretUrl("")}/value`, { json: { path } })).status).toBe(200);
    expect((await thalassa(coffer, `POST ${secretUrl("")}/versions`, { json: { path, ...json } })).status).toBe(201);
    expect(await readThalassa(coffer, path)).toBe("v2");
    expect((await thalassa(coffer, `DELETE ${secretUrl("")}${query}`)).status).toBe(204);
  },
);

it.each([
  ["//", "/a//b"],
  ["a slash at the end", "/a/"],
  ["..", "/a/../b"],
  ["an encoded ..", "/a/%2e%2e/b"],
  ["an encoded slash", "/a%2Fb"],
  ["another alphabet", "/%D0%B1"],
  ["a verb of another API", "/a:undelete"],
  ["513 characters", `/${"p".repeat(512)}`],
  ["broken percent-encoding", "/%zz"],
])("a URL with %s names no secret: 400 with a message", async (_, path) => {
  const lines = [
    `host: ${new URL(coffer.url).host}`,
    `authorization: Bearer ${coffer.ownerToken}`,
    `x-organisation-identity: ${await organisationOf(coffer)}`,
  ];
  for (const request of [`GET ${secretUrl(path)}`, `DELETE ${secretUrl(path)}`]) {
    const { status, body } = await sendRaw(coffer.url, rawRequest([`${request} HTTP/1.1`, ...lines]));
    expect([status, JSON.parse(body)]).toEqual([400, { message: expect.stringMatching(/path/) }]);
  }
});

it("other methods are 405, other paths below 404, both with a message", async () => {
  const wrong = await thalassa(coffer, `PUT ${secretsUrl}`);
  expect(wrong).toMatchObject({ status: 405, body: { message: expect.any(String) } });
  expect(wrong.headers.get("allow")).toBe("GET, HEAD, POST");
  expect(await thalassa(coffer, "GET /v1/kms/nl-01/nothing")).toMatchObject({
    status: 404,
    body: { message: "the path is not found" },
  });
});

it("a denial has what was asked for in the audit trail: the path, or the key", async () => {
  const { path } = await createThalassa(coffer);
  const token = await coffer.tokenWithRole(Role.VIEWER);
  const asked = [
    [`POST ${secretUrl(path)}/value`, "secret", path],
    [`DELETE ${secretUrl("")}?path=/b`, "secret", "/b"],
    ["POST /v1/kms/nl-01/keys/default/rotate", "kms_key", "default"],
  ] as const;
  for (const [request, resourceType, resourceId] of asked) {
    expect((await thalassa(coffer, request, { token })).status).toBe(403);
    const find = async () => (await coffer.clients().audit.listAuditEvents({ resourceId })).auditEvents;
    await expect
      .poll(find, { timeout: 5_000 })
      .toMatchObject([{ resourceType, decision: AuditDecision.DENY, result: "PERMISSION_MISSING" }]);
  }
});

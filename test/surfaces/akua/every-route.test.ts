// Rules for every request of Akua's surface, on the real servers: permissions, ids and headers.
import { afterAll, describe, expect, it } from "vitest";
import { SecretService } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { SecretVersionService } from "../../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { createAkuaSecret, deleteAkuaSecret, describeFailure, failureOf, getAkuaSecret } from "../../support/akua.ts";
import { type AkuaRoute, akuaRoutes, allOf, partsOf, sendAkua, targetOf } from "../../support/akua-routes.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";
import { newName, unknownSecretId } from "../../support/secrets.ts";
import { startServices } from "../../support/services.ts";

const services = await startServices();
afterAll(() => services.close());
const coffer = useCoffer({ env: services.env });
const unknownVersionId = unknownSecretId.replace("sec_", "secv_");
const isAbout = (part: "{id}" | "{vid}") => (route: AkuaRoute) => route.request.includes(part);
const changing = akuaRoutes.filter(({ scope, keepsNothing }) => scope === "secrets:write" && !keepsNothing);
const conditional = akuaRoutes.filter(({ ifMatch }) => ifMatch !== undefined);
const aboutSecrets = akuaRoutes.filter(isAbout("{id}"));
const aboutVersions = akuaRoutes.filter(isAbout("{vid}"));

it("the table has every request that the schemas have", () => {
  const rpcs = [SecretService, SecretVersionService].flatMap(({ methods }) => methods.map(({ name }) => name));
  expect(akuaRoutes.map(({ rpc }) => rpc).sort()).toEqual(rpcs.sort());
});

describe.each(akuaRoutes)("$request", (route) => {
  it("succeeds with its documented status; a resource has its etag as a header", async () => {
    const response = await sendAkua(coffer, route, await targetOf(coffer, route));
    expect(response.status).toBe(route.success);
    const text = await response.text();
    if (route.success === 204) return expect(text).toBe("");
    const { etag } = JSON.parse(text) as { etag?: string };
    expect(response.headers.get("etag")).toBe(etag === undefined ? null : `"${etag}"`);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("denies without a token, and with one that is none: 401", async () => {
    const target = await targetOf(coffer, route);
    const before = await allOf(coffer, target);
    for (const [token, reason] of [
      [null, "CREDENTIAL_MISSING"],
      ["sk_akua_none", "CREDENTIAL_INVALID"],
    ] as const) {
      const response = await sendAkua(coffer, route, target, { token });
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await describeFailure(response)).toMatchObject({ status: 401, reason });
    }
    expect(await allOf(coffer, target)).toEqual(before);
  });

  it("denies a token without its scope with 403, and takes one with it", async () => {
    const target = await targetOf(coffer, route);
    const before = await allOf(coffer, target);
    const others = ["secrets:read", "secrets:write", "secrets:access"].filter((scope) => scope !== route.scope);
    const without = await coffer.tokenWithRole(Role.ADMIN, others);
    const failure = await describeFailure(await sendAkua(coffer, route, target, { token: without }));
    expect(failure).toMatchObject({ status: 403, reason: "PERMISSION_MISSING" });
    expect(await allOf(coffer, target)).toEqual(before);
    const token = await coffer.tokenWithRole(Role.ADMIN, [route.scope]);
    expect((await sendAkua(coffer, route, target, { token })).status).toBe(route.success);
  });

  it("takes akua-context when it is the token's workspace; another is 403, none for a broad token 400 where it is needed", async () => {
    const target = await targetOf(coffer, route);
    const { workspace_id: home } = await getAkuaSecret(coffer, target);
    const { workspaceId: away } = await otherWorkspace(coffer);
    const send = (context?: string, token?: string) =>
      sendAkua(coffer, route, target, { headers: { "akua-context": context }, ...(token ? { token } : {}) });
    expect(await describeFailure(await send(away))).toMatchObject({ status: 403, reason: "WORKSPACE_NOT_REACHED" });
    for (const context of ["", "w".repeat(54)]) {
      expect(await describeFailure(await send(context))).toMatchObject({ status: 400, paths: ["akua-context"] });
    }
    const broad = await issueBroadToken(coffer);
    const without = await send(undefined, broad);
    if (route.keepsNothing) expect(without.status).toBe(route.success);
    else {
      expect(await describeFailure(without)).toMatchObject({
        status: 400,
        reason: "WORKSPACE_REQUIRED",
        paths: ["akua-context"],
      });
    }
    expect((await send(home, broad)).status).toBe(route.success);
  });

  it("refuses a header that comes twice: 400", async () => {
    const target = await targetOf(coffer, route);
    const before = await allOf(coffer, target);
    const { method, path } = partsOf(route, target);
    const body = route.body ? JSON.stringify(route.body()) : "";
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `Host: ${new URL(coffer.url).host}`,
      ...(route.body ? ["Content-Type: application/json", `Content-Length: ${body.length}`] : []),
    ];
    const given = {
      authorization: `Bearer ${coffer.ownerToken}`,
      "if-match": target.etag,
      "idempotency-key": newName("key"),
      "akua-context": before.secret.workspace_id,
    };
    for (const [twice, value] of Object.entries(given)) {
      const headers = Object.entries(given).map(([name, once]) => `${name}: ${once}`);
      const request = rawRequest([...lines, ...headers, `${twice}: ${value}`], body);
      const reply = await sendRaw(coffer.url, request);
      const failure = failureOf(reply.status, reply.headers["content-type"], reply.body);
      expect(failure).toMatchObject({ status: 400, reason: "REQUEST_MALFORMED", metadata: { header: twice } });
    }
    expect(await allOf(coffer, target)).toEqual(before);
  });

  it("refuses a parameter that it does not know: 400", async () => {
    const target = await targetOf(coffer, route);
    const { method, path } = partsOf(route, target);
    const asked: AkuaRoute = { ...route, request: `${method} ${path}?canary=1` as AkuaRoute["request"] };
    const failure = await describeFailure(await sendAkua(coffer, asked, target));
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID", paths: ["canary"] });
  });
});

describe.each(aboutSecrets)("$request: the secret's id", (route) => {
  it("unknown, malformed and of another workspace: all the same 404", async () => {
    const target = await targetOf(coffer, route);
    const { ownerToken: token } = await otherWorkspace(coffer);
    const failures = [
      await describeFailure(await sendAkua(coffer, route, { ...target, id: unknownSecretId })),
      await describeFailure(await sendAkua(coffer, route, { ...target, id: "x".repeat(54) })),
      await describeFailure(await sendAkua(coffer, route, { ...target, id: target.vid.slice(0, 54) })),
      await describeFailure(await sendAkua(coffer, route, target, { token })),
    ];
    for (const failure of failures) expect(failure).toEqual(failures[0]);
    expect(failures[0]).toMatchObject({ status: 404, reason: "SECRET_NOT_FOUND", paths: [] });
  });

  it("of more than 54 characters: 400, and the path names it", async () => {
    const target = { ...(await targetOf(coffer, route)), id: "x".repeat(55) };
    const failure = await describeFailure(await sendAkua(coffer, route, target));
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID", paths: ["id"] });
  });

  it("of a soft-deleted secret: its documented status", async () => {
    const target = await targetOf(coffer, route);
    if (route.from !== "soft_deleted") {
      await deleteAkuaSecret(coffer, await getAkuaSecret(coffer, target));
      if (route.ifMatch === "secret") target.etag = (await getAkuaSecret(coffer, target)).etag;
    }
    expect((await sendAkua(coffer, route, target)).status).toBe(route.deleted);
  });
});

describe.each(aboutVersions)("$request: the version's id", (route) => {
  it("unknown, malformed and of another secret: all the same 404; too long: 400", async () => {
    const target = await targetOf(coffer, route);
    const other = await targetOf(coffer, route);
    const before = await allOf(coffer, other);
    const send = async (vid: string) => describeFailure(await sendAkua(coffer, route, { ...target, vid }));
    const failures = await Promise.all([unknownVersionId, other.vid, "x-1", "1", "secv_", "X"].map(send));
    for (const failure of failures) expect(failure).toEqual(failures[0]);
    expect(failures[0]).toMatchObject({ status: 404, reason: "VERSION_NOT_FOUND", paths: [] });
    expect(await send("x".repeat(129))).toMatchObject({ status: 400, reason: "FIELD_INVALID", paths: ["vid"] });
    expect(await allOf(coffer, other)).toEqual(before);
  });
});

describe.each(conditional)("$request: if-match", (route) => {
  it("missing, empty or too long: 400, and the path names it", async () => {
    const target = await targetOf(coffer, route);
    const before = await allOf(coffer, target);
    for (const etag of [undefined, "", "x".repeat(257)]) {
      const failure = await describeFailure(await sendAkua(coffer, route, target, { headers: { "if-match": etag } }));
      expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID", paths: ["if-match"] });
    }
    expect(await allOf(coffer, target)).toEqual(before);
  });

  it("stale: 409 ABORTED with the current etag, which then is taken, quoted too", async () => {
    const target = await targetOf(coffer, route);
    const before = await allOf(coffer, target);
    for (const etag of ["0", "999", '"999"', "x".repeat(256)]) {
      const failure = await describeFailure(await sendAkua(coffer, route, target, { headers: { "if-match": etag } }));
      expect(failure).toMatchObject({ status: 409, reason: "ABORTED", metadata: { etag: target.etag } });
    }
    expect(await allOf(coffer, target)).toEqual(before);
    const response = await sendAkua(coffer, route, target, { headers: { "if-match": `"${target.etag}"` } });
    expect(response.status).toBe(route.success);
  });
});

describe.each(changing)("$request: idempotency-key", (route) => {
  it("empty, too long or not printable: 400, and the path names it", async () => {
    const target = await targetOf(coffer, route);
    const before = await allOf(coffer, target);
    for (const key of ["", "k".repeat(65), "a\tb"]) {
      const response = await sendAkua(coffer, route, target, { headers: { "idempotency-key": key } });
      expect(await describeFailure(response)).toMatchObject({ status: 400, paths: ["idempotency-key"] });
    }
    expect(await allOf(coffer, target)).toEqual(before);
  });

  it("twice with the same request: the same answer, nothing changed twice; with another: 409", async () => {
    const target = await targetOf(coffer, route);
    const headers = { "idempotency-key": newName("key") };
    const change = { headers, ...(route.body ? { json: route.body() } : {}) };
    const first = await sendAkua(coffer, route, target, change);
    const after = await allOf(coffer, target);
    const second = await sendAkua(coffer, route, target, change);
    expect([first.status, second.status]).toEqual([route.success, route.success]);
    expect([first, second].map((response) => response.headers.get("idempotency-replayed"))).toEqual([null, "true"]);
    expect(second.headers.get("etag")).toBe(first.headers.get("etag"));
    expect(await second.text()).toBe(await first.text());
    expect(await allOf(coffer, target)).toEqual(after);
    const other = await targetOf(coffer, route);
    const json = route.rpc === "CreateSecret" ? { json: { ...route.body?.(), value: "other" } } : {};
    const before = await allOf(coffer, other);
    const failure = await describeFailure(await sendAkua(coffer, route, other, { headers, ...json }));
    expect(failure).toMatchObject({ status: 409, reason: "IDEMPOTENCY_KEY_REUSED" });
    expect(await allOf(coffer, other)).toEqual(before);
  });
});

it("a token of another workspace makes and lists secrets of its own only", async () => {
  const { id } = await createAkuaSecret(coffer);
  const { ownerToken: token, workspaceId } = await otherWorkspace(coffer);
  const made = (await (
    await coffer.fetch("/v1/secrets", { token, json: { name: "n", kind: "generic", value: "v" } })
  ).json()) as {
    id: string;
  };
  const listed = (await (await coffer.fetch("/v1/secrets", { token })).json()) as { data: object[] };
  expect(listed.data).toEqual([expect.objectContaining({ id: made.id, workspace_id: workspaceId })]);
  expect(made.id).not.toBe(id);
});

// The headers of the Akua surface, on the real servers: if-match, idempotency-key, akua-context, and what comes twice.
import { describe, expect, it } from "vitest";
import {
  akuaFailure,
  createAkuaSecret,
  describeFailure,
  failureOf,
  getAkuaSecret,
  validBody,
} from "../../support/akua.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";

const coffer = useCoffer();

describe("if-match", () => {
  it.each([
    ["DELETE", ""],
    ["POST", ":undelete"],
  ])("is required for %s %s: 400, and the path names the header", async (method, verb) => {
    const secret = await createAkuaSecret(coffer);
    const path = `/v1/secrets/${secret.id}${verb}`;
    for (const headers of [{}, { "if-match": "" }, { "if-match": "x".repeat(257) }]) {
      expect(await akuaFailure(coffer, path, { method, headers })).toMatchObject({
        status: 400,
        reason: "FIELD_INVALID",
        paths: ["if-match"],
      });
    }
    expect(await getAkuaSecret(coffer, secret)).toEqual(secret);
  });

  it.each(['W/"1"', '"1"', "1", "*", '"7", W/"1"', '"7","1" , "8"'])(
    "%s holds for a resource of the etag 1",
    async (etag) => {
      const { id } = await createAkuaSecret(coffer);
      const init = { method: "PATCH", json: { description: "changed" }, headers: { "if-match": etag } };
      expect((await coffer.fetch(`/v1/secrets/${id}`, init)).status).toBe(200);
    },
  );

  it.each(['W/"2"', '"11"', '"1', '"*"', '"7", "8"', "W/", '""'])("%s does not", async (etag) => {
    const { id } = await createAkuaSecret(coffer);
    const init = { method: "PATCH", json: { description: "changed" }, headers: { "if-match": etag } };
    expect(await akuaFailure(coffer, `/v1/secrets/${id}`, init)).toMatchObject({
      status: 409,
      reason: "ABORTED",
    });
  });
});

describe("idempotency-key", () => {
  it.each(["", "k".repeat(65), "a\tb"])("%j is refused: 400, and the path names the header", async (key) => {
    const init = { json: validBody(), headers: { "idempotency-key": key } };
    expect(await akuaFailure(coffer, "/v1/secrets", init)).toMatchObject({
      status: 400,
      reason: "FIELD_INVALID",
      paths: ["idempotency-key"],
    });
  });

  it("may have 64 characters, and be quoted", async () => {
    const json = validBody();
    const key = "k".repeat(64);
    const first = await coffer.fetch("/v1/secrets", { json, headers: { "idempotency-key": key } });
    const second = await coffer.fetch("/v1/secrets", { json, headers: { "idempotency-key": `"${key}"` } });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(await second.json()).toEqual(await first.json());
  });
});

describe("akua-context", () => {
  const get = (id: string, token: string, context?: string) =>
    coffer.fetch(`/v1/secrets/${id}`, { token, headers: context === undefined ? {} : { "akua-context": context } });

  it("may be absent or equal with a token of one workspace; another workspace is 403, whether it exists or not", async () => {
    const { id, workspace_id: home } = await createAkuaSecret(coffer);
    const { workspaceId: away } = await otherWorkspace(coffer);
    expect((await get(id, coffer.ownerToken)).status).toBe(200);
    expect((await get(id, coffer.ownerToken, home)).status).toBe(200);
    for (const context of [away, "ws_unknown"]) {
      expect(await describeFailure(await get(id, coffer.ownerToken, context))).toMatchObject({
        status: 403,
        reason: "WORKSPACE_NOT_REACHED",
      });
    }
  });

  it("must have 1 to 53 characters", async () => {
    const { id } = await createAkuaSecret(coffer);
    for (const context of ["", "w".repeat(54)]) {
      expect(await describeFailure(await get(id, coffer.ownerToken, context))).toMatchObject({
        status: 400,
        reason: "FIELD_INVALID",
        paths: ["akua-context"],
      });
    }
  });

  it("is required with a token that reaches several workspaces, and chooses among them", async () => {
    const { id, workspace_id: home } = await createAkuaSecret(coffer);
    const { workspaceId: away } = await otherWorkspace(coffer);
    const broad = await issueBroadToken(coffer);
    expect(await describeFailure(await get(id, broad))).toMatchObject({
      status: 400,
      reason: "WORKSPACE_REQUIRED",
      paths: ["akua-context"],
    });
    expect((await get(id, broad, home)).status).toBe(200);
    expect((await get(id, broad, away)).status).toBe(404);
    const created = await coffer.fetch("/v1/secrets", {
      token: broad,
      json: validBody(),
      headers: { "akua-context": away },
    });
    expect(await created.json()).toMatchObject({ workspace_id: away });
  });
});

describe("security headers that come twice", () => {
  it.each([
    ["Authorization", () => `Bearer ${coffer.ownerToken}`],
    ["if-match", () => "1"],
    ["Idempotency-Key", () => "k"],
    ["akua-context", () => "ws_1"],
    ["Host", () => new URL(coffer.url).host],
  ])("are refused: %s, even with equal values", async (name, value) => {
    const secret = await createAkuaSecret(coffer);
    const lines = [
      `DELETE /v1/secrets/${secret.id} HTTP/1.1`,
      ...(name === "Host" ? [] : [`Host: ${new URL(coffer.url).host}`]),
      ...(name === "Authorization" ? [] : [`Authorization: Bearer ${coffer.ownerToken}`]),
      ...(name === "if-match" ? [] : ["if-match: 1"]),
      `${name}: ${value()}`,
      `${name.toUpperCase()}: ${value()}`,
    ];
    const { status, headers, body } = await sendRaw(coffer.url, rawRequest(lines));
    expect(status).toBe(400);
    // Node itself refuses a second Host, in words of its own.
    if (name !== "Host") {
      expect(failureOf(status, headers["content-type"], body)).toMatchObject({ reason: "REQUEST_MALFORMED" });
    }
    expect(await getAkuaSecret(coffer, secret)).toEqual(secret);
  });
});

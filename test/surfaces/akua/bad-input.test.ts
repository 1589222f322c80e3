// The Akua surface refuses bad input, on the real servers: in its own error body, and never repeats the input.
import { describe, expect, it } from "vitest";
import { akuaFailure, createAkuaSecret, failureOf, validBody } from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";

const coffer = useCoffer();
const canary = "canary-5d2e";

async function countSecrets(): Promise<unknown> {
  return (await coffer.sql("select count(*)::int as count from secret"))[0]?.["count"];
}

describe("rejects", () => {
  it.each<[string, string, object]>([
    ["name", "missing", { name: undefined }],
    ["name", "empty", { name: "" }],
    ["name", "of 201 characters", { name: canary.repeat(20).slice(0, 201) }],
    ["name", "with an empty segment", { name: "a//b" }],
    ["name", "with a control character", { name: "a\u0000b" }],
    ["name", "of another type", { name: 7 }],
    ["kind", "unknown", { kind: canary }],
    ["kind", "for migrations only", { kind: "cloud_credential" }],
    ["value", "missing", { value: undefined }],
    ["value", "null", { value: null }],
    ["value", "empty", { value: "" }],
    ["value", "of another type", { value: { secret: canary } }],
    ["value", "of 15 characters for webhook_signing", { kind: "webhook_signing", value: "😀".repeat(15) }],
    ["value", "of more than 65,536 bytes", { value: canary.repeat(6_000) }],
    ["description", "of 501 characters", { description: canary.repeat(50) }],
    ["description", "of another type", { description: [canary] }],
    ["labels", "of another type", { labels: [canary] }],
    ["labels/k", "of 201 characters", { labels: { k: canary.repeat(20).slice(0, 201) } }],
    ["labels/a.b", "of another type", { labels: { "a.b": 1 } }],
    ["html_url", "that is no field", { html_url: canary }],
    ["awsAccessKeyId", "that is no field", { awsAccessKeyId: canary }],
    ["mime_type", "that only PATCH takes", { mime_type: canary }],
    ["aws_access_key_id", "for another kind", { aws_access_key_id: canary }],
    ["username", "for another kind", { kind: "cloud_provider/aws", username: canary }],
    ["username", "of another type", { kind: "oci_registry", username: 7 }],
    ["value_", "that is no field", { value_: canary }],
    ["constructor", "that is no field", { constructor: canary }],
    ["toString", "that is no field", { toString: canary }],
  ])("%s %s, and the path names it", async (path, _, change) => {
    const before = await countSecrets();
    const failure = await akuaFailure(coffer, "/v1/secrets", { json: { ...validBody(), ...change } });
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID" });
    expect([...new Set(failure.paths)]).toEqual([path]);
    expect(failure.text).not.toContain("canary");
    expect(await countSecrets()).toBe(before);
  });

  it("all broken rules at once", async () => {
    const json = {
      name: "",
      kind: canary,
      value: "",
      description: canary.repeat(50),
      labels: { k: canary.repeat(20) },
    };
    const failure = await akuaFailure(coffer, "/v1/secrets", { json });
    expect(failure.paths.sort()).toEqual(["description", "kind", "labels/k", "name", "value"]);
    expect(failure.text).not.toContain("canary");
    const misplaced = { ...validBody(), username: "u", aws_access_key_id: "a" };
    const parts = await akuaFailure(coffer, "/v1/secrets", { json: misplaced });
    expect(parts.paths.sort()).toEqual(["aws_access_key_id", "username"]);
    const types = await akuaFailure(coffer, "/v1/secrets", { json: { name: 1, kind: 2, value: 3, extra: 4 } });
    expect(types.paths.sort()).toEqual(["extra", "kind", "name", "value"]);
  });

  it.each<[string, string | Uint8Array]>([
    ["no JSON", `{"name": "${canary}"`],
    ["JSON with a comma too many", `{"name": "${canary}",}`],
    ["a list", `["${canary}"]`],
    ["a string", `"${canary}"`],
    ["a key that comes twice", `{"name": "a", "name": "${canary}"}`],
    ["bytes that are no UTF-8", Buffer.from(`{"name":"${canary}","kind":"generic","value":"\xff"}`, "latin1")],
    ["an overlong encoding", Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')])],
    ["too deep a nesting", `{"labels":${"[".repeat(40)}${"]".repeat(40)}}`],
  ])("%s: 400 REQUEST_MALFORMED", async (_, body) => {
    const failure = await akuaFailure(coffer, "/v1/secrets", { body });
    expect(failure).toMatchObject({ status: 400, reason: "REQUEST_MALFORMED" });
    expect(failure.text).not.toContain("canary");
  });

  it("half of a surrogate pair: 400", async () => {
    for (const field of ["name", "value", "description"]) {
      const body = JSON.stringify({ ...validBody(), [field]: "\ud800 and more, of it" });
      const failure = await akuaFailure(coffer, "/v1/secrets", { body });
      expect(failure).toMatchObject({ status: 400, paths: [field] });
    }
  });

  it("a body of more than 1 MiB: 413, announced or not", async () => {
    const body = JSON.stringify({ ...validBody(), value: canary.repeat(100_000) });
    const announced = await akuaFailure(coffer, "/v1/secrets", { body });
    expect(announced).toMatchObject({ status: 413, reason: "REQUEST_TOO_LARGE" });
    const lines = [...head("POST /v1/secrets"), "Content-Type: application/json", "Transfer-Encoding: chunked"];
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const { status, headers, body: text } = await sendRaw(coffer.url, rawRequest(lines, chunk));
    expect(failureOf(status, headers["content-type"], text)).toMatchObject({
      status: 413,
      reason: "REQUEST_TOO_LARGE",
    });
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/xml"])(
    "the content type %s: 415",
    async (contentType) => {
      const init = { json: validBody(), headers: { "content-type": contentType } };
      expect(await akuaFailure(coffer, "/v1/secrets", init)).toMatchObject({
        status: 415,
        reason: "UNSUPPORTED_MEDIA_TYPE",
      });
    },
  );

  it("an id of more than 54 characters: 400", async () => {
    const failure = await akuaFailure(coffer, `/v1/secrets/${"x".repeat(55)}`, {});
    expect(failure).toMatchObject({ status: 400, reason: "FIELD_INVALID", paths: ["id"] });
    expect((await akuaFailure(coffer, `/v1/secrets/${"x".repeat(54)}`, {})).status).toBe(404);
  });

  it("force that is neither true nor false, given twice, or a parameter that is none: 400", async () => {
    const { id, etag } = await createAkuaSecret(coffer);
    for (const [query, path] of [
      ["force=1", "force"],
      ["force=true&force=true", "force"],
      ["id=x", "id"],
      [`purge=${canary}`, "purge"],
    ]) {
      const init = { method: "DELETE", headers: { "if-match": etag } };
      const failure = await akuaFailure(coffer, `/v1/secrets/${id}?${query}`, init);
      expect(failure).toMatchObject({ status: 400, paths: [path] });
      expect(failure.text).not.toContain("canary");
    }
    expect((await coffer.fetch(`/v1/secrets/${id}`)).status).toBe(200);
  });

  it.each(["sec_%2Fx", "sec_%2f", "%2E%2E", "a%00b", "%ff", "%zz"])("the path segment %s: 400", async (segment) => {
    const { status, headers, body } = await sendRaw(coffer.url, rawRequest(head(`GET /v1/secrets/${segment}`)));
    expect(failureOf(status, headers["content-type"], body)).toMatchObject({
      status: 400,
      reason: "REQUEST_MALFORMED",
    });
  });

  it.each([
    ["PUT", "/v1/secrets", ["GET", "HEAD", "POST"]],
    ["DELETE", "/v1/secrets", ["GET", "HEAD", "POST"]],
    ["PUT", "/v1/secrets/sec_1", ["DELETE", "GET", "HEAD", "PATCH"]],
    ["PATCH", "/v1/secrets/sec_1/versions", ["GET", "HEAD", "POST"]],
    ["DELETE", "/v1/secrets/sec_1/versions/secv_1", ["GET", "HEAD"]],
    ["GET", "/v1/secrets/sec_1/versions/secv_1:destroy", ["POST"]],
    ["GET", "/v1/secrets/sec_1:undelete", ["POST"]],
  ])("%s %s: 405 with what it allows", async (method, path, allowed) => {
    const response = await coffer.fetch(path, { method });
    expect(response.status).toBe(405);
    const allow = (response.headers.get("allow") ?? "").split(", ").sort();
    expect(allow).toEqual(allowed);
  });

  it.each(["/v1/secrets/sec_1:purge", "/v1/secrets/a/b", "/v1/nothing", "/v1/secrets//", "/v1//secrets"])(
    "the path %s, which is none",
    async (path) => {
      expect([400, 404, 405]).toContain((await coffer.fetch(path, { method: "POST" })).status);
    },
  );
});

function head(request: string): string[] {
  return [`${request} HTTP/1.1`, `Host: ${new URL(coffer.url).host}`, `Authorization: Bearer ${coffer.ownerToken}`];
}

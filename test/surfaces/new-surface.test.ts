// A surface of another kind than coffer's own: it routes on a header, has its own token header, content type and errors.
import { once } from "node:events";
import { connect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  GetSecretRequestSchema,
  type GetSecretResponse,
  SecretService,
} from "../../gen/coffer/v1/secret_service_pb.ts";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { errorHeaders, httpStatusOf } from "../../src/call/errors.ts";
import { parseJson } from "../../src/call/json/text.ts";
import type { Surface } from "../../src/call/surface.ts";
import { CofferError } from "../../src/domain/error/errors.ts";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { libraryService, withoutMethods } from "../http/library.ts";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { byId, createSecret } from "../support/secrets.ts";

const contentType = "application/x-thing+json";

const things: Surface = {
  name: "things",
  services: [],
  credentialHeaders: ["x-thing-token"],
  singleHeaders: ["x-target"],
  credential: ({ headers }) => headers.get("x-thing-token") ?? undefined,
  owns: ({ method, path, headers }) => method === "POST" && path === "/" && headers.has("x-target"),

  async answer(call, server) {
    if (call.headers.get("x-target") !== "Thing.Describe")
      throw new CofferError("METHOD_UNIMPLEMENTED", "no such target");
    const { Id } = parseJson(await server.readBody(await server.admit(things, call))) as { Id: string };
    const request = { protocolName: "rest", source: call, timeoutMs: undefined } as const;
    const asked = create(GetSecretRequestSchema, byId(Id));
    const { message, header } = await server.invoke(SecretService.method.getSecret, asked, request);
    const { secret } = message as GetSecretResponse;
    const headers = { ...Object.fromEntries(header), "content-type": contentType };
    return { status: 200, headers, body: JSON.stringify({ Thing: { Id: secret?.id, Name: secret?.name } }) };
  },

  renderError(error) {
    const status = error.reason === "SECRET_NOT_FOUND" ? 400 : httpStatusOf(error);
    const headers = { ...errorHeaders(error), "content-type": contentType, "x-thing-error": error.reason };
    return { status, headers, body: JSON.stringify({ __type: error.reason, Message: error.message }) };
  },
};

// Without Redis the instance counts by itself, so that every count is exact.
const coffer = useCoffer({ surfaces: [things], redisUrl: null, env: { COFFER_RATE_LIMIT_PRINCIPAL: "20" } });

async function describeThing(token: string, id: string, more: Record<string, string> = {}): Promise<Response> {
  const headers = { "x-target": "Thing.Describe", "x-thing-token": token, "content-type": contentType, ...more };
  return coffer.fetch("/", { token: null, body: JSON.stringify({ Id: id }), headers });
}

describe("a surface that is added from outside", () => {
  it("answers from coffer's operations, in its own content type, and the call is logged", async () => {
    const { id, name } = await createSecret(coffer);
    const answer = await describeThing(coffer.ownerToken, id);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, contentType]);
    expect(answer.headers.get("ratelimit-limit")).toBe("20");
    expect(await answer.json()).toEqual({ Thing: { Id: id, Name: name } });
    const requestId = answer.headers.get("x-request-id");
    const lines = coffer.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find((line) => line["requestId"] === requestId)).toMatchObject({
      msg: "call",
      method: "coffer.v1.SecretService/GetSecret",
      result: "OK",
      principalId: expect.stringMatching(/^prn_/),
    });
  });

  it("shows errors with its own status, header and body, also those of requests that never become a call", async () => {
    const missing = await describeThing(coffer.ownerToken, "sec_01jzzzzzzzzzzzzzzzzzzzzzzz");
    expect([missing.status, missing.headers.get("x-thing-error")]).toEqual([400, "SECRET_NOT_FOUND"]);
    expect(await missing.json()).toMatchObject({ __type: "SECRET_NOT_FOUND" });
    const unknown = await describeThing(coffer.ownerToken, "", { "x-target": "Thing.Nothing" });
    expect([unknown.status, unknown.headers.get("x-thing-error")]).toEqual([501, "METHOD_UNIMPLEMENTED"]);
    const twoTokens = await describeThing(coffer.ownerToken, "", { authorization: `Bearer ${coffer.ownerToken}` });
    expect([twoTokens.status, twoTokens.headers.get("x-thing-error")]).toEqual([400, "REQUEST_MALFORMED"]);
    const invalid = await describeThing(coffer.ownerToken, "x".repeat(300));
    expect([invalid.status, invalid.headers.get("x-thing-error")]).toEqual([400, "FIELD_INVALID"]);
  });

  it("takes the token from its own header only, and refuses a wrong one before any of the body is sent", async () => {
    const elsewhere = await coffer.fetch("/", { headers: { "x-target": "Thing.Describe" }, body: "{}" });
    expect([elsewhere.status, elsewhere.headers.get("x-thing-error")]).toEqual([401, "CREDENTIAL_MISSING"]);
    const { hostname, port } = new URL(coffer.url);
    const socket = connect(Number(port), hostname);
    const head = [
      "POST / HTTP/1.1",
      "Host: x",
      "X-Target: Thing.Describe",
      "X-Thing-Token: wrong",
      "Content-Length: 9",
    ];
    socket.write(`${head.join("\r\n")}\r\nExpect: 100-continue\r\n\r\n`);
    const [first] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(first.toString()).toMatch(/^HTTP\/1\.1 401 [\s\S]*x-thing-error: CREDENTIAL_INVALID\r\n/i);
  });

  it("has its calls limited like those of every other surface", async () => {
    const { id } = await createSecret(coffer);
    const token = await coffer.tokenWithRole(Role.VIEWER);
    const answers = await Promise.all(Array.from({ length: 50 }, () => describeThing(token, id)));
    const limited = answers.find(({ status }) => status === 429);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    expect(limited?.headers.get("x-thing-error")).toBe("RATE_LIMITED");
    expect(limited?.headers.get("retry-after")).toBe("1");
  });

  it("has its denials in the audit trail, with the resource that the caller asked for", async () => {
    const { id } = await createSecret(coffer);
    const token = await coffer.tokenWithRole(Role.VIEWER, ["secrets.list"]);
    const denied = await describeThing(token, id);
    expect([denied.status, denied.headers.get("x-thing-error")]).toEqual([403, "PERMISSION_MISSING"]);
    const requestId = denied.headers.get("x-request-id");
    const read = () =>
      coffer.sql("select decision, resource_type, resource_id, rule from audit_event where request_id = $1", [
        requestId,
      ]);
    const event = { decision: "DENY", resource_type: "secret", resource_id: id, rule: "secrets.read" };
    await expect.poll(read).toEqual([event]);
  });

  it("leaves requests of other surfaces to them", async () => {
    expect((await coffer.fetch("/v1/secrets")).status).toBe(200);
    expect((await coffer.fetch("/", { json: {} })).headers.get("x-thing-error")).toBeNull();
  });
});

it("a server does not start with a method that declares no facts, and names it", async () => {
  const service = libraryService([{ name: "Get", rule: { pattern: { case: "get", value: "/v1/books/{id}" } } }]);
  const started = startCoffer({ surfaces: [{ ...things, services: [withoutMethods(service)] }] });
  await expect(started).rejects.toThrow(
    new StartupError("library.v1.LibraryService/Get does not set the option (coffer.options.v1.call)"),
  );
});

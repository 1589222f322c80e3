// Connect GET: unary methods without side effects, called by URL.
import { gzipSync } from "node:zlib";
import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { GetSecretRequestSchema } from "../../gen/coffer/v1/secret_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { createSecret } from "../support/secrets.ts";

const coffer = useCoffer();
const get = (query: Record<string, string>, method = "GetSecret") =>
  coffer.fetch(`/coffer.v1.SecretService/${method}?${new URLSearchParams(query)}`);
const jsonOf = async (response: Response) => (await response.json()) as Record<string, never>;
const reasonOf = async (response: Response) => (await jsonOf(response))["details"]?.[0]?.["debug"]?.["reason"];

describe("succeeds", () => {
  it("with a message as JSON, as Protobuf in base64, and compressed", async () => {
    const { id } = await createSecret(coffer);
    const bytes = toBinary(GetSecretRequestSchema, {
      $typeName: "coffer.v1.GetSecretRequest",
      secret: { case: "id", value: id },
      region: "",
      workspaceId: "",
    });
    const json = JSON.stringify({ id });
    const answers = await Promise.all([
      get({ connect: "v1", encoding: "json", message: json }),
      get({ encoding: "json", base64: "1", message: Buffer.from(json).toString("base64url") }),
      get({ encoding: "json", base64: "1", compression: "gzip", message: gzipSync(json).toString("base64url") }),
    ]);
    for (const answer of answers) expect((await jsonOf(answer))["secret"]?.["id"]).toBe(id);
    const binary = await get({ encoding: "proto", base64: "1", message: Buffer.from(bytes).toString("base64url") });
    expect(binary.status).toBe(200);
    expect(Buffer.from(await binary.arrayBuffer()).includes(id)).toBe(true);
  });
});

describe("rejects", () => {
  it.each([
    ["bytes that are no message", { encoding: "proto", base64: "1", message: "_____w" }, 400, "REQUEST_MALFORMED"],
    ["what is no base64", { encoding: "proto", base64: "1", message: "a" }, 400, "FIELD_INVALID"],
    ["what is no JSON", { encoding: "json", message: "{" }, 400, "REQUEST_MALFORMED"],
    ["what is no gzip", { encoding: "json", message: "{}", compression: "gzip" }, 400, "REQUEST_MALFORMED"],
    ["an unknown encoding", { encoding: "xml", message: "{}" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
    [
      "an unknown compression",
      { encoding: "json", message: "{}", compression: "deflate" },
      501,
      "COMPRESSION_UNSUPPORTED",
    ],
    ["an unknown version", { connect: "v2", encoding: "json", message: "{}" }, 400, "FIELD_INVALID"],
  ])("%s", async (_what, query, status, reason) => {
    const answer = await get(query as unknown as Record<string, string>);
    expect([answer.status, await reasonOf(answer)]).toEqual([status, reason]);
  });

  it("methods that change something or return a value, and says which HTTP methods they have", async () => {
    for (const method of ["CreateSecret", "GetSecretValue"]) {
      const answer = await get({ encoding: "json", message: "{}" }, method);
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
      expect(await reasonOf(answer)).toBe("METHOD_NOT_ALLOWED");
    }
  });
});

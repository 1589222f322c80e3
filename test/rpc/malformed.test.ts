// Messages that are none, in the protocols whose messages are bytes: refused as the caller's fault, with one ErrorInfo.
import { once } from "node:events";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { create, type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { CreateSecretRequestSchema, SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { printed } from "../support/printed.ts";
import { sendRaw } from "../support/raw-http.ts";

const coffer = useCoffer();
const canary = "canary-91bd";

/** A string field that is no UTF-8: tag 1, three bytes of which one is 0xff. */
const noUtf8 = Buffer.concat([Buffer.from([0x0a, 0x03, 0x61, 0xff, 0x62]), Buffer.from([0x5a, 0x01, 0x61])]);
const cutShort = Buffer.concat([Buffer.from([0x0a, 0x7f]), Buffer.from(canary)]);

function path(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Sends one gRPC message and returns the code and the reasons of the answer's status. */
async function grpc(message: Uint8Array, contentType = "application/grpc") {
  const session = connect(coffer.url);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path(SecretService.method.createSecret),
      "content-type": contentType,
      te: "trailers",
      authorization: `Bearer ${coffer.ownerToken}`,
    });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.byteLength, 1);
    stream.end(Buffer.concat([prefix, message]));
    let status: IncomingHttpHeaders = {};
    stream.on("response", (headers) => (status = { ...status, ...headers }));
    stream.on("trailers", (headers) => (status = { ...status, ...headers }));
    stream.resume();
    await once(stream, "end");
    const details = Buffer.from([status["grpc-status-details-bin"] ?? ""].flat().join(), "base64");
    const infos = fromBinary(StatusSchema, details).details.flatMap(
      (detail) => anyUnpack(detail, ErrorInfoSchema) ?? [],
    );
    return {
      code: Code[Number(status["grpc-status"])],
      reasons: infos.map(({ reason }) => reason),
      text: printed(status),
    };
  } finally {
    session.destroy();
  }
}

describe("rejects in gRPC", () => {
  it.each([
    ["bytes that are no message", cutShort],
    ["text that is no UTF-8", noUtf8],
  ])("%s", async (_, message) => {
    for (const contentType of ["application/grpc", "application/grpc-web+proto"]) {
      const answer = await grpc(message, contentType);
      expect(answer).toMatchObject({ code: "InvalidArgument", reasons: ["REQUEST_MALFORMED"] });
      expect(answer.text).not.toContain("canary");
    }
  });

  it("a message of more than 1 MiB", async () => {
    const request = create(CreateSecretRequestSchema, { description: canary.repeat(120_000) });
    const message = toBinary(CreateSecretRequestSchema, request);
    const answer = await grpc(message);
    expect(answer).toMatchObject({ code: "ResourceExhausted", reasons: ["REQUEST_TOO_LARGE"] });
  });

  it("messages in JSON, whose errors would quote them", async () => {
    const answer = await grpc(Buffer.from(`{"name": "${canary}"`), "application/grpc+json");
    expect(answer.reasons).toEqual(["UNSUPPORTED_MEDIA_TYPE"]);
    expect(answer.text).not.toContain("canary");
  });
});

describe("rejects in Connect", () => {
  it.each([
    ["bytes that are no message", cutShort],
    ["text that is no UTF-8", noUtf8],
  ])("%s", async (_, body) => {
    const response = await coffer.fetch(path(SecretService.method.createSecret), {
      body,
      headers: { "content-type": "application/proto" },
    });
    const text = await response.text();
    expect(response.status).toBe(400);
    expect(text).toContain("REQUEST_MALFORMED");
    expect(text).not.toContain("canary");
  });

  it.each([
    ["no message", "encoding=json"],
    ["a message that is no JSON", `encoding=json&message=${canary}`],
    ["a field that is none", `encoding=json&message=${encodeURIComponent(JSON.stringify({ [canary]: 1 }))}`],
    ["an encoding that is none", `encoding=${canary}&message={}`],
  ])("a GET with %s", async (_, query) => {
    const response = await coffer.fetch(`${path(SecretService.method.getSecret)}?connect=v1&${query}`);
    expect([400, 415]).toContain(response.status);
  });
});

it("GET is for RPCs without side effects only", async () => {
  for (const method of SecretService.methods) {
    const query = "connect=v1&encoding=json&message=%7B%7D";
    const { status } = await coffer.fetch(`${path(method)}?${query}`);
    // An empty request breaks a rule, which is seen only where the method was called.
    const isCalled = status === 400 || status === 200;
    expect([method.name, isCalled]).toEqual([method.name, method.idempotency === 1]);
  }
});

it("a stream that names no host is the client's fault, and nothing in the log", async () => {
  const request = "POST /grpc.health.v1.Health/Watch HTTP/1.0\r\nContent-Type: application/connect+json\r\n\r\n";
  const { status, body } = await sendRaw(coffer.url, request);
  expect({ status, body }).toMatchObject({ status: 400, body: expect.stringContaining("REQUEST_MALFORMED") });
  expect(coffer.logLines.filter((line) => line.includes(`"level":50`))).toEqual([]);
});

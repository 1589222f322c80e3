// Single bytes and headers of gRPC and gRPC-Web, as their specifications have them, sent by clients that send just those.
import { once } from "node:events";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  CreateSecretRequestSchema,
  GetSecretRequestSchema,
  GetSecretResponseSchema,
  SecretService,
} from "../../gen/coffer/v1/secret_service_pb.ts";
import { Health, HealthCheckRequestSchema, HealthCheckResponseSchema } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { createSecret, newName } from "../support/secrets.ts";

const coffer = useCoffer();

const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;
const getSecret = pathOf(SecretService.method.getSecret);

function frame(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags, 0);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

const askFor = (id: string) =>
  toBinary(GetSecretRequestSchema, {
    $typeName: "coffer.v1.GetSecretRequest",
    secret: { case: "id", value: id },
    region: "",
    workspaceId: "",
  });

interface GrpcAnswer {
  headers: IncomingHttpHeaders;
  /** Headers and trailers. */
  all: IncomingHttpHeaders;
  code: string | undefined;
  body: Buffer;
}

async function grpc(path: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<GrpcAnswer> {
  const session = connect(coffer.url);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${coffer.ownerToken}`,
      ...headers,
    });
    stream.end(body);
    let first: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on("response", (given) => (first = given));
    stream.on("trailers", (given) => (trailers = given));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(stream, "close");
    const all = { ...first, ...trailers };
    return {
      headers: first,
      all,
      code: Code[Number(all["grpc-status"])] ?? all["grpc-status"]?.toString(),
      body: Buffer.concat(chunks),
    };
  } finally {
    session.destroy();
  }
}

describe("gRPC", () => {
  it.each([
    ["no message", Buffer.alloc(0), "Unimplemented"],
    ["two messages", Buffer.concat([frame(askFor("a")), frame(askFor("b"))]), "Unimplemented"],
    ["a message that is cut short", frame(askFor("a")).subarray(0, 6), "InvalidArgument"],
    ["a prefix that is cut short", Buffer.alloc(3), "InvalidArgument"],
    ["a compressed message without an encoding", frame(gzipSync(askFor("a")), 1), "Internal"],
  ])("answers %s with %s", async (_, body, code) => {
    expect((await grpc(getSecret, body)).code).toBe(code);
  });

  it("answers a compressed message with the encoding identity with INTERNAL", async () => {
    const answer = await grpc(getSecret, frame(askFor("a"), 1), { "grpc-encoding": "identity" });
    expect(answer.code).toBe("Internal");
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("reads %s", async (encoding, compress) => {
    const { id } = await createSecret(coffer);
    const { body, code } = await grpc(getSecret, frame(compress(askFor(id)), 1), { "grpc-encoding": encoding });
    expect(code).toBe("0");
    expect(fromBinary(GetSecretResponseSchema, body.subarray(5)).secret?.id).toBe(id);
  });

  it("says which encodings it takes where it refuses one", async () => {
    const { code, all } = await grpc(getSecret, frame(deflateSync(askFor("a")), 1), { "grpc-encoding": "deflate" });
    expect(code).toBe("Unimplemented");
    expect(all["grpc-accept-encoding"]).toBe("gzip, br, identity");
  });

  it.each([
    "application/grpc+foo",
    "application/grpc+json",
    "application/grpc-text",
    "application/grpc-web+thrift",
    "application/grpc+",
  ])("refuses %s with 415", async (contentType) => {
    for (const path of [getSecret, pathOf(Health.method.watch)]) {
      const { headers, code } = await grpc(path, frame(askFor("a")), { "content-type": contentType });
      expect(headers[":status"]).toBe(415);
      expect(code).toBe("InvalidArgument");
      expect(headers["content-type"]).toMatch(/^application\/grpc(-web)?\+proto$/);
    }
  });

  it("encodes in grpc-message only what is not printable ASCII, and the percent sign", async () => {
    const create = pathOf(SecretService.method.createSecret);
    const request = (name: string) =>
      toBinary(CreateSecretRequestSchema, { ...emptyCreate, name, value: { case: "data", value: Buffer.from("v") } });
    const { all } = await grpc(create, frame(request("a//b")));
    expect(all["grpc-message"]).toMatch(/^name: /);
    const name = newName();
    await grpc(create, frame(request(name)));
    const watch = await grpc(pathOf(Health.method.watch), frame(Buffer.from([0x0a, 0x01, 0x80])));
    expect(watch.all["grpc-message"]).not.toContain("%20");
  });

  it.each(["0m", "0n", "1n"])(
    "answers every method with DEADLINE_EXCEEDED, and with no message, when grpc-timeout is %s",
    async (timeout) => {
      const { id } = await createSecret(coffer);
      const ways: [string, Uint8Array][] = [
        [getSecret, askFor(id)],
        [pathOf(SecretService.method.getSecretValue), askFor(id)],
        [pathOf(SecretService.method.listSecrets), Buffer.alloc(0)],
        [pathOf(Health.method.check), Buffer.alloc(0)],
        [pathOf(Health.method.list), Buffer.alloc(0)],
        [pathOf(Health.method.watch), Buffer.alloc(0)],
        [pathOf(ServerReflection.method.serverReflectionInfo), Buffer.from([0x3a, 0x00])],
      ];
      for (const [path, message] of ways) {
        const { code, body } = await grpc(path, frame(message), { "grpc-timeout": timeout });
        expect([path, code]).toEqual([path, "DeadlineExceeded"]);
        expect([path, body.byteLength]).toEqual([path, 0]);
      }
    },
  );
});

const emptyCreate = {
  $typeName: "coffer.v1.CreateSecretRequest" as const,
  region: "",
  kind: "",
  description: "",
  labels: {},
  annotations: {},
  mimeType: "",
  kmsKeyId: "",
  expiration: { case: undefined },
  authMethod: "",
  credentialFields: {},
  workspaceId: "",
};

describe("gRPC-Web in text mode", () => {
  const type = "application/grpc-web-text";

  async function text(
    path: string,
    body: string,
    contentType = type,
  ): Promise<{ frames: Buffer[]; contentType: string }> {
    const response = await coffer.fetch(path, { headers: { "content-type": contentType, accept: type }, body });
    const answer = await response.text();
    const bytes = Buffer.concat((answer.match(/[^=]+={0,2}/g) ?? []).map((piece) => Buffer.from(piece, "base64")));
    const frames: Buffer[] = [];
    for (let at = 0; at < bytes.byteLength; at += 5 + bytes.readUInt32BE(at + 1)) {
      frames.push(bytes.subarray(at, at + 5 + bytes.readUInt32BE(at + 1)));
    }
    return { frames, contentType: response.headers.get("content-type") ?? "" };
  }

  it.each([type, `${type}+proto`])("%s: a message and its trailers, each read from base64", async (contentType) => {
    const { id } = await createSecret(coffer);
    const { frames, contentType: answered } = await text(getSecret, frame(askFor(id)).toString("base64"), contentType);
    expect(answered).toBe("application/grpc-web-text+proto");
    expect(fromBinary(GetSecretResponseSchema, (frames[0] as Buffer).subarray(5)).secret?.id).toBe(id);
    expect(frames[1]?.readUInt8(0)).toBe(0x80);
    expect(frames[1]?.toString()).toContain("grpc-status: 0");
  });

  it("takes a body of several padded pieces, as browsers send it", async () => {
    const { id } = await createSecret(coffer);
    const whole = frame(askFor(id));
    const pieces = [whole.subarray(0, 1), whole.subarray(1, 5), whole.subarray(5)];
    const { frames } = await text(getSecret, pieces.map((piece) => piece.toString("base64")).join(""));
    expect(fromBinary(GetSecretResponseSchema, (frames[0] as Buffer).subarray(5)).secret?.id).toBe(id);
  });

  it("serves streams, the first answer at once", async () => {
    const message = toBinary(HealthCheckRequestSchema, { $typeName: "grpc.health.v1.HealthCheckRequest", service: "" });
    const response = await coffer.fetch(pathOf(Health.method.watch), {
      headers: { "content-type": type },
      body: frame(message).toString("base64"),
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    const bytes = Buffer.from(Buffer.from(value as Uint8Array).toString(), "base64");
    expect(fromBinary(HealthCheckResponseSchema, bytes.subarray(5)).status).toBe(1);
    await reader.cancel();
  });

  it("refuses what is not base64", async () => {
    const response = await coffer.fetch(getSecret, { headers: { "content-type": type }, body: "AAAA?!" });
    expect(response.headers.get("grpc-status")).toBe(String(Code.InvalidArgument));
  });
});

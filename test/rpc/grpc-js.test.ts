// Node's own gRPC client, grpc-js, with no schema at hand: it learns the schema by reflection, and calls with what it has learned.
import * as grpc from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { newName } from "../support/secrets.ts";

const coffer = useCoffer();

type Call = (
  request: object,
  metadata: grpc.Metadata,
  options: object,
  done: (error: grpc.ServiceError | null, answer: never) => void,
) => void;
type Stream = (metadata?: grpc.Metadata) => grpc.ClientDuplexStream<object, never>;
type AnyClient = grpc.Client & Record<string, Call & Stream>;

const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };

function clientOf(definition: ReturnType<typeof loadSync>, name: string): AnyClient {
  const found = name
    .split(".")
    .reduce<unknown>(
      (within, part) => (within as Record<string, unknown>)[part],
      grpc.loadPackageDefinition(definition),
    );
  const { host } = new URL(coffer.url);
  return new (found as typeof grpc.Client)(host, grpc.credentials.createInsecure()) as AnyClient;
}

/** The files of a service and of everything that it uses, as gRPC's own reflection schema asks for them. */
async function learn(symbol: string): Promise<Buffer> {
  const schema = loadSync("grpc/reflection/v1/reflection.proto", {
    ...options,
    includeDirs: [new URL("../../node_modules/@grpc/reflection/build/proto", import.meta.url).pathname],
  });
  const client = clientOf(schema, "grpc.reflection.v1.ServerReflection");
  const stream = (client["ServerReflectionInfo"] as Stream)();
  const files = await new Promise<Buffer[]>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("data", (answer: { file_descriptor_response?: { file_descriptor_proto: Buffer[] } }) => {
      resolve(answer.file_descriptor_response?.file_descriptor_proto ?? []);
    });
    stream.write({ file_containing_symbol: symbol });
  });
  stream.end();
  client.close();
  return Buffer.concat(files.map(asFileOfSet));
}

/** A FileDescriptorSet is its files, each as field 1. */
function asFileOfSet(file: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = file.byteLength; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) return Buffer.concat([Buffer.from([0x0a, ...length]), file]);
  }
}

let secrets: AnyClient;
beforeAll(async () => {
  const definition = loadFileDescriptorSetFromBuffer(await learn("coffer.v1.SecretService"), options);
  secrets = clientOf(definition, "coffer.v1.SecretService");
});
afterAll(() => secrets.close());

function call<T>(method: string, request: object, callOptions: object = {}, token = coffer.ownerToken): Promise<T> {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    (secrets[method] as Call)(request, metadata, callOptions, (error, answer) =>
      error ? reject(error) : resolve(answer as T),
    );
  });
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable("the call must fail"),
    (error: grpc.ServiceError) => error,
  );

describe("grpc-js", () => {
  it("creates, reads, adds a version, deletes and undeletes", async () => {
    const name = newName("grpc-js");
    const { secret } = await call<{ secret: { id: string; etag: string } }>("CreateSecret", {
      name,
      data: Buffer.from("v1"),
    });
    const { data } = await call<{ data: Buffer }>("GetSecretValue", { id: secret.id });
    expect(data.toString()).toBe("v1");
    await call("AddSecretVersion", { name, data: Buffer.from("v2") });
    expect(await call("GetSecretValue", { name })).toMatchObject({ data: Buffer.from("v2"), version_number: 2 });
    await call("DeleteSecret", { id: secret.id });
    expect(await call("UndeleteSecret", { id: secret.id })).toMatchObject({ secret: { state: "SECRET_STATE_ACTIVE" } });
  });

  it("shows messages of errors as they were written", async () => {
    const error = await failure(call("CreateSecret", { name: "a//b", data: Buffer.from("v") }));
    expect(error.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(error.details).toMatch(/^name: must not /);
    const unicode = await failure(call("ListSecrets", { name_prefix: "x", page_token: "ä%" }));
    expect(unicode.details).toBe("page_token: must be the next_page_token of the same query");
    const denied = await failure(call("GetSecret", { id: "x" }, {}, "wrong"));
    expect(denied.code).toBe(grpc.status.UNAUTHENTICATED);
  });

  it("ends with DEADLINE_EXCEEDED for a deadline in the past", async () => {
    const error = await failure(call("ListSecrets", {}, { deadline: Date.now() - 1 }));
    expect(error.code).toBe(grpc.status.DEADLINE_EXCEEDED);
  });

  it("sends compressed messages", async () => {
    const { host } = new URL(coffer.url);
    const compressed = new (secrets.constructor as typeof grpc.Client)(host, grpc.credentials.createInsecure(), {
      "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip,
    }) as AnyClient;
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${coffer.ownerToken}`);
    const name = newName("x".repeat(200));
    const answer = await new Promise((resolve, reject) => {
      (compressed["CreateSecret"] as Call)({ name, data: Buffer.from("v") }, metadata, {}, (error, given) =>
        error ? reject(error) : resolve(given),
      );
    });
    compressed.close();
    expect(answer).toMatchObject({ secret: { name } });
  });
});

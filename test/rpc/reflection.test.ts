// Server reflection: a client that knows no schema lists the services and creates a secret, over each protocol.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { byName, newName, textOf } from "../support/secrets.ts";
import { transportFor } from "../support/transports.ts";

const coffer = useCoffer();
const run = promisify(execFile);
const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));

// An empty directory: no schema of the repository is in reach.
let emptyDir: string;
beforeAll(async () => {
  emptyDir = await mkdtemp(join(tmpdir(), "coffer-buf-curl-"));
});
afterAll(() => rm(emptyDir, { recursive: true }));

async function bufCurl(...args: string[]): Promise<string> {
  const { stdout } = await run(buf, ["curl", "--http2-prior-knowledge", ...args], { cwd: emptyDir, timeout: 15_000 });
  return stdout;
}

const served = [
  "coffer.v1.AccessService",
  "coffer.v1.AuditService",
  "coffer.v1.EgressService",
  "coffer.v1.ExternalVaultService",
  "coffer.v1.KeyService",
  "coffer.v1.SecretService",
  "coffer.v1.TokenService",
  "coffer.v1.WorkspaceService",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

describe.each(["connect", "grpc", "grpcweb"])("buf curl over %s", (protocol) => {
  it.each(["grpc-v1", "grpc-v1alpha"])("creates a secret, its schema learned by %s", async (reflection) => {
    const name = newName(`${protocol}/${reflection}`);
    const answer = await bufCurl(
      ...["--protocol", protocol, "--reflect-protocol", reflection],
      ...["--header", `Authorization: Bearer ${coffer.ownerToken}`],
      ...["--data", JSON.stringify({ name, data: btoa(name) })],
      `${coffer.url}/coffer.v1.SecretService/CreateSecret`,
    );
    expect(JSON.parse(answer)).toMatchObject({ secret: { name, state: "SECRET_STATE_ACTIVE" } });
    expect(textOf(await coffer.clients().secrets.getSecretValue(byName(name)))).toBe(name);
  });
});

describe("buf curl", () => {
  it("lists the services and their methods", async () => {
    expect((await bufCurl("--list-services", coffer.url)).trim().split("\n").sort()).toEqual(served);
    const methods = (await bufCurl("--list-methods", coffer.url)).trim().split("\n");
    for (const { name } of SecretService.methods) expect(methods).toContain(`coffer.v1.SecretService/${name}`);
  });
});

const versions = [
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionV1Alpha],
] as const;

describe.each(versions)("reflection %s", (_, service) => {
  type Question = {
    case: "listServices" | "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType";
    value: string;
  };

  async function ask(question: Question) {
    const client = createClient(service as typeof ServerReflection, transportFor("gRPC", coffer.url));
    async function* requests() {
      yield { messageRequest: question };
    }
    for await (const { messageResponse } of client.serverReflectionInfo(requests())) return messageResponse;
    throw new Error("no answer");
  }

  async function filesOf(question: Question): Promise<FileDescriptorProto[]> {
    const answer = await ask(question);
    if (answer.case !== "fileDescriptorResponse") throw new Error(`answered ${answer.case}`);
    return answer.value.fileDescriptorProto.map((file) => fromBinary(FileDescriptorProtoSchema, file));
  }

  it("needs no credential and lists every service but those of REST surfaces", async () => {
    const answer = await ask({ case: "listServices", value: "" });
    const names = answer.case === "listServicesResponse" ? answer.value.service.map(({ name }) => name) : [];
    expect(names.sort()).toEqual(served);
  });

  it.each([
    "coffer.v1.SecretService",
    "coffer.v1.SecretService.CreateSecret",
    "coffer.v1.Secret",
    "coffer.v1.Secret.name",
    "coffer.v1.SecretState",
  ])("gives the file of the symbol %s with all that it imports", async (value) => {
    const files = await filesOf({ case: "fileContainingSymbol", value });
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: inOrder(files) }));
    const owner = value.split(".").slice(0, 3).join(".");
    expect(registry.get(owner)?.typeName).toBe(owner);
  });

  it("finds files by name, and extensions", async () => {
    const [first] = await filesOf({ case: "fileByFilename", value: "coffer/v1/secret.proto" });
    expect(first?.package).toBe("coffer.v1");
    const numbers = await ask({ case: "allExtensionNumbersOfType", value: "google.protobuf.FieldOptions" });
    expect(numbers.case === "allExtensionNumbersResponse" ? numbers.value.extensionNumber : []).toContain(1159);
  });

  it("says that there is no such file or symbol", async () => {
    for (const question of [
      { case: "fileByFilename", value: "nope.proto" },
      { case: "fileContainingSymbol", value: "coffer.v1.Nope" },
      { case: "fileContainingSymbol", value: "" },
    ] as const) {
      const answer = await ask(question);
      expect(answer.case === "errorResponse" ? answer.value.errorCode : answer.case).toBe(5);
    }
  });
});

/** Each file behind those that it imports. */
function inOrder(files: FileDescriptorProto[]): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (file: FileDescriptorProto) => {
    for (const other of files) if (file.dependency.includes(other.name)) visit(other);
    ordered.add(file);
  };
  files.forEach(visit);
  return [...ordered];
}

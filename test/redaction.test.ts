// Plaintext in the schemas: always marked debug_redact, and never in an answer that need not hold it.
import { globSync } from "node:fs";
import { join } from "node:path";
import {
  create,
  createFileRegistry,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel,
} from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";

/** Fields of these names carry plaintext wherever they are text or bytes. */
const plaintextNames = new Set([
  "data",
  "values",
  "value",
  "token",
  "owner_token",
  "secret_string",
  "credentials",
  "secret_key_values",
  "placeholder",
  "proxy_url",
  "plaintext",
  "key_material",
  "import_key_material",
  "input",
  "env_vars",
]);

/** The RPCs whose answers hold plaintext, with the fields that do. All others hold none. */
const revealing: Record<string, string[]> = {
  // They are there to return values. No idempotency_level: they stay POST, so that no cache or log of URLs sees them.
  "coffer.v1.SecretService.GetSecretValue": ["coffer.v1.GetSecretValueResponse.data", "coffer.v1.KeyValues.values"],
  "coffer.v1.SecretService.BatchGetSecretValues": [
    "coffer.v1.GetSecretValueResponse.data",
    "coffer.v1.KeyValues.values",
  ],
  "coffer.rest.akua.v1.SecretVersionService.AccessSecretVersion": [
    "coffer.rest.akua.v1.AccessSecretVersionResponse.value",
  ],
  "coffer.rest.thalassa.v1.SecretService.GetSecretValue": [
    "coffer.rest.thalassa.v1.GetSecretValueResponse.secret_string",
    "coffer.rest.thalassa.v1.GetSecretValueResponse.secret_key_values",
  ],
  // They are there to return plaintext or key material.
  "coffer.v1.KeyService.Decrypt": ["coffer.v1.DecryptResponse.plaintext"],
  "coffer.v1.KeyService.BatchDecrypt": ["coffer.v1.DecryptResponse.plaintext"],
  "coffer.v1.KeyService.ExportKey": ["coffer.v1.ExportKeyResponse.key_material"],
  "coffer.rest.thalassa.v1.KeyService.Decrypt": ["coffer.rest.thalassa.v1.DecryptResponse.plaintext"],
  "coffer.rest.thalassa.v1.KeyService.ExportKey": ["coffer.rest.thalassa.v1.ExportKeyResponse.key_material"],
  // Placeholders are for those who run the program; POST too, though they are worth nothing by themselves.
  "coffer.v1.EgressService.GetSandbox": ["coffer.v1.SandboxSecret.placeholder", "coffer.v1.Sandbox.env_vars"],
  "coffer.v1.EgressService.ListSandboxes": ["coffer.v1.SandboxSecret.placeholder", "coffer.v1.Sandbox.env_vars"],
  "coffer.v1.EgressService.UpdateSandbox": ["coffer.v1.SandboxSecret.placeholder", "coffer.v1.Sandbox.env_vars"],
  "coffer.v1.EgressService.BindSecret": ["coffer.v1.SandboxSecret.placeholder"],
  "coffer.rest.superserve.v1.SandboxService.BindSecret": ["coffer.rest.superserve.v1.NewBoundSecret.placeholder"],
  "coffer.rest.superserve.v1.SandboxService.CreateSandbox": [
    "coffer.rest.superserve.v1.NewBoundSecret.placeholder",
    "coffer.rest.superserve.v1.CreatedSandbox.access_token",
    "coffer.rest.superserve.v1.CreatedSandbox.proxy_url",
    "coffer.rest.superserve.v1.CreatedSandbox.env_vars",
  ],
  "coffer.rest.superserve.v1.SandboxService.ActivateSandbox": [
    "coffer.rest.superserve.v1.NewBoundSecret.placeholder",
    "coffer.rest.superserve.v1.CreatedSandbox.access_token",
    "coffer.rest.superserve.v1.CreatedSandbox.proxy_url",
    "coffer.rest.superserve.v1.CreatedSandbox.env_vars",
  ],
  // Variables that the caller gave itself, in an API that reads sandboxes with GET. Every answer is `no-store`.
  "coffer.rest.superserve.v1.SandboxService.GetSandbox": ["coffer.rest.superserve.v1.Sandbox.env_vars"],
  // Shown once, stored nowhere.
  "coffer.v1.EgressService.RotateSandboxToken": [
    "coffer.v1.SandboxSecret.placeholder",
    "coffer.v1.Sandbox.env_vars",
    "coffer.v1.RotateSandboxTokenResponse.token",
    "coffer.v1.RotateSandboxTokenResponse.proxy_url",
  ],
  "coffer.v1.EgressService.CreateSandbox": [
    "coffer.v1.SandboxSecret.placeholder",
    "coffer.v1.Sandbox.env_vars",
    "coffer.v1.CreateSandboxResponse.token",
    "coffer.v1.CreateSandboxResponse.proxy_url",
  ],
  "coffer.v1.TokenService.CreateToken": ["coffer.v1.CreateTokenResponse.token"],
  "coffer.v1.TokenService.RotateToken": ["coffer.v1.RotateTokenResponse.token"],
  "coffer.v1.WorkspaceService.CreateWorkspace": ["coffer.v1.CreateWorkspaceResponse.owner_token"],
};

const root = join(import.meta.dirname, "..");
const files = await loadFiles();
const methods = files.flatMap((file) => file.services).flatMap((service) => service.methods);

describe("the schemas", () => {
  test("are found", () => {
    expect(files.map(({ proto }) => proto.package)).toContain("coffer.v1");
    expect(files.map(({ proto }) => proto.package)).toContain("coffer.rest.akua.v1");
    expect(methods.length).toBeGreaterThan(20);
  });

  test("mark every field that carries plaintext", () => {
    expect(files.flatMap(unmarkedFields)).toEqual([]);
  });

  test("return plaintext from the RPCs that must and from no other", () => {
    const found = methods.map((method) => [nameOf(method), redactedFields(method.output)] as const);
    expect(Object.fromEntries(found.filter(([, fields]) => fields.length > 0))).toEqual(revealing);
  });

  test("let no RPC that returns plaintext be cached or sent as GET", () => {
    // Its documents have it as GET, and the URL holds nothing but an id.
    const asDocumented = ["coffer.rest.superserve.v1.SandboxService.GetSandbox"];
    expect(methods.filter(revealsWithoutSideEffects).map(nameOf)).toEqual(asDocumented);
  });
});

describe("the checker", () => {
  const file = badFile();

  test("catches a field that is not marked", () => {
    expect(unmarkedFields(file)).toEqual(["bad.v1.Inner.values", "bad.v1.Inner.data"]);
  });

  test("catches plaintext deep in an answer, through lists, maps and cycles", () => {
    const method = file.services[0]?.methods[0];
    expect(method && redactedFields(method.output)).toEqual(["bad.v1.Inner.token"]);
    expect(method && revealsWithoutSideEffects(method)).toBe(true);
  });
});

async function loadFiles(): Promise<DescFile[]> {
  const paths = globSync("gen/coffer/**/*_pb.ts", { cwd: root });
  const modules = await Promise.all(
    paths.map((path) => import(/* @vite-ignore */ join(root, path)) as Promise<Record<string, unknown>>),
  );
  return modules.map((module) => {
    const file = Object.values(module).find(isFile);
    if (file === undefined) throw new Error("generated code without a file descriptor");
    return file;
  });
}

function isFile(value: unknown): value is DescFile {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "file";
}

function unmarkedFields(file: DescFile): string[] {
  return allMessages(file.messages)
    .flatMap((message) => message.fields)
    .filter((field) => plaintextNames.has(field.name) && carriesBytes(field) && !isRedacted(field))
    .map(fullName);
}

function allMessages(messages: readonly DescMessage[]): DescMessage[] {
  return messages.flatMap((message) => [message, ...allMessages(message.nestedMessages)]);
}

/** Text or bytes, alone or in a list or map. */
function carriesBytes(field: DescField): boolean {
  const types: unknown[] = [FieldDescriptorProto_Type.STRING, FieldDescriptorProto_Type.BYTES];
  return types.includes(field.scalar);
}

function isRedacted(field: DescField): boolean {
  return field.proto.options?.debugRedact === true;
}

/** Every marked field that a message can hold, at any depth. */
function redactedFields(message: DescMessage, seen = new Set<DescMessage>()): string[] {
  if (seen.has(message)) return [];
  seen.add(message);
  return message.fields.flatMap((field) => [
    ...(isRedacted(field) ? [fullName(field)] : []),
    ...(field.message === undefined ? [] : redactedFields(field.message, seen)),
  ]);
}

function revealsWithoutSideEffects(method: DescMethod): boolean {
  const { NO_SIDE_EFFECTS } = MethodOptions_IdempotencyLevel;
  return method.idempotency === NO_SIDE_EFFECTS && redactedFields(method.output).length > 0;
}

function fullName(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

/** Get returns Outer, which holds a list of Inner, which holds Outer again, and plaintext marked and unmarked. */
function badFile(): DescFile {
  const { STRING, BYTES, MESSAGE } = FieldDescriptorProto_Type;
  const { OPTIONAL, REPEATED } = FieldDescriptorProto_Label;
  const field = (name: string, number: number, type: FieldDescriptorProto_Type, label = OPTIONAL, typeName = "") => ({
    ...{ name, number, type, label, jsonName: name, typeName },
  });
  const proto = create(FileDescriptorProtoSchema, {
    name: "bad/v1/bad.proto",
    package: "bad.v1",
    syntax: "proto3",
    messageType: [
      { name: "Outer", field: [field("inners", 1, MESSAGE, REPEATED, ".bad.v1.Inner")] },
      {
        name: "Inner",
        field: [
          field("outer", 1, MESSAGE, OPTIONAL, ".bad.v1.Outer"),
          field("values", 2, STRING, REPEATED),
          field("data", 3, BYTES),
          { ...field("token", 4, STRING), options: { debugRedact: true } },
        ],
      },
    ],
    service: [
      {
        name: "BadService",
        method: [
          {
            name: "Get",
            inputType: ".bad.v1.Outer",
            outputType: ".bad.v1.Outer",
            options: { idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS },
          },
        ],
      },
    ],
  });
  const file = createFileRegistry(create(FileDescriptorSetSchema, { file: [proto] })).getFile("bad/v1/bad.proto");
  if (file === undefined) throw new Error("no such file");
  return file;
}

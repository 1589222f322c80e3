// A small made-up API for tests: every kind of field, and routes in every form that google.api.http knows.
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescService,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { createServiceImplSpec } from "@connectrpc/connect";
import { CallOptionsSchema, call } from "../../gen/coffer/options/v1/call_pb.ts";
import { success_status } from "../../gen/coffer/rest/v1/options_pb.ts";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { type HttpRule, HttpRuleSchema } from "../../gen/google/api/http_pb.ts";
import { tokenCredential } from "../../src/call/credential.ts";
import type { ServedService } from "../../src/call/surface.ts";
import { workspaceHeader } from "../../src/call/workspace-header.ts";
import type { TranscodedApi } from "../../src/surfaces/transcoded/api.ts";

const dependencies = [
  file_google_protobuf_any,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
];

const file: JsonObject = {
  name: "library.proto",
  package: "library.v1",
  syntax: "proto3",
  dependency: dependencies.map((dependency) => `${dependency.name}.proto`),
  enumType: [
    {
      name: "Color",
      value: [
        { name: "COLOR_UNSPECIFIED", number: 0 },
        { name: "COLOR_RED", number: 1 },
      ],
    },
  ],
  messageType: [
    {
      name: "Book",
      oneofDecl: [{ name: "cover" }, { name: "_subtitle" }],
      nestedType: [
        mapEntry("TagsEntry", "TYPE_STRING", { type: "TYPE_STRING" }),
        mapEntry("PartsEntry", "TYPE_STRING", { type: "TYPE_BYTES" }),
        mapEntry("PagesEntry", "TYPE_INT32", { type: "TYPE_MESSAGE", typeName: ".library.v1.Author" }),
      ],
      field: [
        { name: "id", number: 1, type: "TYPE_STRING" },
        { name: "page_count", number: 2, type: "TYPE_UINT32" },
        { name: "serial", number: 3, type: "TYPE_INT64" },
        { name: "weight", number: 4, type: "TYPE_FLOAT" },
        { name: "is_lent", number: 5, type: "TYPE_BOOL" },
        { name: "scan", number: 6, type: "TYPE_BYTES" },
        { name: "color", number: 7, type: "TYPE_ENUM", typeName: ".library.v1.Color" },
        { name: "author", number: 8, type: "TYPE_MESSAGE", typeName: ".library.v1.Author" },
        { name: "notes", number: 9, type: "TYPE_STRING", label: "LABEL_REPEATED" },
        {
          name: "tags",
          number: 10,
          type: "TYPE_MESSAGE",
          typeName: ".library.v1.Book.TagsEntry",
          label: "LABEL_REPEATED",
        },
        {
          name: "parts",
          number: 11,
          type: "TYPE_MESSAGE",
          typeName: ".library.v1.Book.PartsEntry",
          label: "LABEL_REPEATED",
        },
        {
          name: "pages",
          number: 12,
          type: "TYPE_MESSAGE",
          typeName: ".library.v1.Book.PagesEntry",
          label: "LABEL_REPEATED",
        },
        { name: "cover_text", number: 13, type: "TYPE_STRING", oneofIndex: 0 },
        { name: "cover_image", number: 14, type: "TYPE_MESSAGE", typeName: ".library.v1.Author", oneofIndex: 0 },
        { name: "subtitle", number: 15, type: "TYPE_STRING", oneofIndex: 1, proto3Optional: true },
        { name: "printed", number: 16, type: "TYPE_MESSAGE", typeName: ".google.protobuf.Timestamp" },
        { name: "rating", number: 17, type: "TYPE_MESSAGE", typeName: ".google.protobuf.Int32Value" },
        { name: "extra", number: 18, type: "TYPE_MESSAGE", typeName: ".google.protobuf.Struct" },
        { name: "any", number: 19, type: "TYPE_MESSAGE", typeName: ".google.protobuf.Any" },
        { name: "editors", number: 20, type: "TYPE_MESSAGE", typeName: ".library.v1.Author", label: "LABEL_REPEATED" },
      ],
    },
    {
      name: "Author",
      oneofDecl: [{ name: "_born" }],
      field: [
        { name: "full_name", number: 1, type: "TYPE_STRING" },
        { name: "born", number: 2, type: "TYPE_UINT32", oneofIndex: 0, proto3Optional: true },
      ],
    },
    {
      name: "BookRequest",
      field: [
        { name: "id", number: 1, type: "TYPE_STRING" },
        { name: "book", number: 2, type: "TYPE_MESSAGE", typeName: ".library.v1.Book" },
        { name: "page_size", number: 3, type: "TYPE_UINT32" },
        { name: "colors", number: 4, type: "TYPE_ENUM", typeName: ".library.v1.Color", label: "LABEL_REPEATED" },
        { name: "since", number: 5, type: "TYPE_MESSAGE", typeName: ".google.protobuf.Timestamp" },
        { name: "by", number: 6, type: "TYPE_MESSAGE", typeName: ".library.v1.Author" },
        { name: "is_lent", number: 7, type: "TYPE_BOOL" },
        { name: "update_mask", number: 8, type: "TYPE_MESSAGE", typeName: ".google.protobuf.FieldMask" },
      ],
    },
    {
      name: "BookResponse",
      field: [{ name: "book", number: 1, type: "TYPE_MESSAGE", typeName: ".library.v1.Book" }],
    },
  ],
};

function mapEntry(name: string, keyType: string, value: JsonObject): JsonObject {
  const field = [
    { name: "key", number: 1, type: keyType },
    { name: "value", number: 2, ...value },
  ];
  return { name, field, options: { mapEntry: true } };
}

type Rule = Pick<HttpRule, "pattern"> & Partial<Omit<HttpRule, "$typeName" | "pattern">>;

export interface LibraryMethod {
  name: string;
  rule: Rule;
  successStatus?: number;
  callOptions?: MessageInitShape<typeof CallOptionsSchema>;
}

/** A service with these methods from BookRequest to BookResponse. */
export function libraryService(methods: readonly LibraryMethod[], name = "LibraryService"): DescService {
  const proto = fromJson(FileDescriptorProtoSchema, {
    ...file,
    service: [
      {
        name,
        method: methods.map((method) => ({
          name: method.name,
          inputType: ".library.v1.BookRequest",
          outputType: ".library.v1.BookResponse",
        })),
      },
    ],
  });
  methods.forEach((method, i) => {
    const options = create(MethodOptionsSchema);
    setExtension(options, http, create(HttpRuleSchema, method.rule));
    if (method.successStatus !== undefined) setExtension(options, success_status, method.successStatus);
    if (method.callOptions) setExtension(options, call, create(CallOptionsSchema, method.callOptions));
    const target = proto.service[0]?.method[i];
    if (target !== undefined) target.options = options;
  });
  return registryOf(proto).getService(`library.v1.${name}`) as DescService;
}

/** A service for servers whose `invoke` is the test's own. */
export function withoutMethods(desc: DescService): ServedService {
  return { desc, implement: () => createServiceImplSpec(desc, {}) };
}

type LibraryApi = Partial<Omit<TranscodedApi, "services">> & { services?: readonly DescService[] };

export function libraryApi(methods: readonly LibraryMethod[], { services, ...api }: LibraryApi = {}): TranscodedApi {
  return {
    name: "library",
    services: (services ?? [libraryService(methods)]).map(withoutMethods),
    ...tokenCredential,
    ...workspaceHeader({ name: "library-context", isRequired: false }),
    singleHeaders: ["akua-context", "x-organisation-identity", "x-project-identity"],
    fieldNames: "proto",
    nullWhenUnset: false,
    exactJson: false,
    showError: (error, httpStatus) => ({ httpStatus, body: { library_error: error.message } }),
    ...api,
  };
}

function registryOf(proto: FileDescriptorProto) {
  for (const field of proto.messageType.flatMap((message) => message.field))
    field.jsonName = protoCamelCase(field.name);
  return createFileRegistry(proto, (name) => dependencies.find((dependency) => `${dependency.name}.proto` === name));
}

export const BookSchema = registryOf(fromJson(FileDescriptorProtoSchema, file)).getMessage(
  "library.v1.Book",
) as DescMessage;

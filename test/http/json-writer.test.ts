// The JSON of answers is what the library writes, and for REST what the options of the schema make of it.
import {
  type DescMessage,
  type DescMethod,
  getOption,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { null_when_unset, omit_when_unset } from "../../gen/coffer/rest/v1/options_pb.ts";
import { isJsonObject } from "../../src/call/json/path.ts";
import { jsonWriter } from "../../src/call/json/writer.ts";
import { anyTypes } from "../../src/call/schema/any-types.ts";
import { restApis, typedApi } from "../../src/surfaces/surfaces.ts";
import type { TranscodedApi } from "../../src/surfaces/transcoded/api.ts";
import { randomMessage } from "../support/random-messages.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { BookSchema, libraryApi } from "./library.ts";

const messagesOfEach = 40;

function typesOf(methods: readonly DescMethod[]): DescMessage[] {
  const types = new Set<DescMessage>();
  const add = (desc: DescMessage) => {
    if (types.has(desc)) return;
    types.add(desc);
    for (const { message } of desc.fields) if (message) add(message);
  };
  for (const { input, output } of methods) {
    add(input);
    add(output);
  }
  return [...types];
}

function forRandomMessages(types: readonly DescMessage[], check: (desc: DescMessage, message: Message) => void): void {
  const random = seededRandom(1);
  for (const desc of types) for (let i = 0; i < messagesOfEach; i++) check(desc, randomMessage(desc, random));
}

test("the JSON of every message of the typed API is what the library writes", () => {
  const types = [...typesOf(typedApi.services.flatMap(({ desc }) => desc.methods)), BookSchema];
  expect(types.length).toBeGreaterThan(100);
  const style = { fieldNames: "json", writesDefaults: false, nullWhenUnset: false } as const;
  const writers = new Map(types.map((desc) => [desc, jsonWriter(desc, style)]));
  forRandomMessages(types, (desc, message) => {
    const text = writers.get(desc)?.(message) ?? "";
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(toJson(desc, message, { registry: anyTypes }))));
  });
});

test.each([...restApis, libraryApi([]), libraryApi([], { nullWhenUnset: true })])(
  "the JSON of every message of a REST API has the form that its options declare: $name",
  (api) => {
    const types = [...typesOf(api.services.flatMap(({ desc }) => desc.methods)), BookSchema];
    const writers = new Map(types.map((desc) => [desc, jsonWriter(desc, { ...api, writesDefaults: true })]));
    forRandomMessages(types, (desc, message) => {
      const options = { useProtoFieldName: api.fieldNames === "proto", alwaysEmitImplicit: true, registry: anyTypes };
      const json = toJson(desc, message, options) as JsonValue;
      expect(writers.get(desc)?.(message)).toBe(JSON.stringify(shaped(desc, json, api)));
    });
  },
);

/** Returns the same JSON in the order of the proto file, with unset fields as the API writes them. */
function shaped(desc: DescMessage, json: JsonValue, api: TranscodedApi): JsonValue {
  if (hasCustomJsonRepresentation(desc) || !isJsonObject(json)) return json;
  const shape: JsonObject = {};
  for (const field of desc.fields) {
    const name = api.fieldNames === "proto" ? field.name : field.jsonName;
    const value = json[name];
    const isOmitted = getOption(field, omit_when_unset);
    const isMany = field.fieldKind === "list" || field.fieldKind === "map";
    if (value === undefined) {
      if (getOption(field, null_when_unset) || (api.nullWhenUnset && !isOmitted)) shape[name] = null;
    } else if (!(isOmitted && isMany && Object.keys(value ?? {}).length === 0)) {
      shape[name] = shapedMember(field.message, field.fieldKind, value, api);
    }
  }
  return shape;
}

function shapedMember(desc: DescMessage | undefined, kind: string, json: JsonValue, api: TranscodedApi): JsonValue {
  if (desc === undefined) return json;
  if (kind === "list") return (json as JsonValue[]).map((item) => shaped(desc, item, api));
  if (kind !== "map") return shaped(desc, json, api);
  return Object.fromEntries(Object.entries(json as JsonObject).map(([key, value]) => [key, shaped(desc, value, api)]));
}

test("a value of a wrong type is never written", () => {
  const write = jsonWriter(BookSchema, { fieldNames: "json", writesDefaults: true, nullWhenUnset: false });
  const book = randomMessage(BookSchema, seededRandom(2));
  for (const field of ["id", "pageCount", "serial", "weight", "isLent", "scan", "color"]) {
    expect(() => write({ ...book, [field]: {} } as Message)).toThrow(TypeError);
  }
});

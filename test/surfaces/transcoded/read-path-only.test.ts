// Requests that consist of texts in their path are read as the plain way reads them, for every route of every REST API.
import { toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { restApis } from "../../../src/surfaces/surfaces.ts";
import { readPathOnly } from "../../../src/surfaces/transcoded/read-path-only.ts";
import { readRequest } from "../../../src/surfaces/transcoded/read-request.ts";
import { type Route, readRoutes } from "../../../src/surfaces/transcoded/route.ts";

const texts = ["sec_1", "a b", "ü😀", "null", "7", "constructor", "__proto__", '"\\', "x".repeat(300)];

function inputOf({ template }: Route, text: string) {
  return { body: undefined, query: new Map<string, string[]>(), variables: template.variables.map(() => text) };
}

describe.each(restApis)("$name", (api) => {
  const routes = api.services.flatMap(({ desc }) => desc.methods.flatMap((method) => readRoutes(api, method)));

  test.each(texts)("with %j in its path", (text) => {
    let read = 0;
    for (const route of routes) {
      const input = inputOf(route, text);
      const quick = readPathOnly(route, input);
      if (!quick) continue;
      read++;
      const plain = readRequest(route, input);
      const desc = route.method.input;
      expect(quick.message).toEqual(plain.message);
      expect(toJson(desc, quick.message)).toEqual(toJson(desc, plain.message));
      expect(quick.shape.violations).toEqual(plain.shape.violations);
      for (const { name } of desc.fields) {
        expect([name, quick.shape.spell(name), quick.shape.isGiven(name)]).toEqual([
          name,
          plain.shape.spell(name),
          plain.shape.isGiven(name),
        ]);
      }
    }
    expect(read).toBeGreaterThan(0);
  });

  test("a body, a query, or half of a surrogate pair takes the plain way", () => {
    for (const route of routes.filter(({ template }) => template.variables.length > 0)) {
      const input = inputOf(route, "a");
      expect(readPathOnly(route, { ...input, body: {} })).toBeUndefined();
      expect(readPathOnly(route, { ...input, query: new Map([["a", ["b"]]]) })).toBeUndefined();
      expect(readPathOnly(route, inputOf(route, "\ud800"))).toBeUndefined();
    }
  });
});

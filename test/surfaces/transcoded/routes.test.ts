// The route table: which route wins, and which tables are refused.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { SecretService } from "../../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { HttpRuleSchema } from "../../../gen/google/api/http_pb.ts";
import { buildRouteTable } from "../../../src/surfaces/transcoded/routes.ts";
import { type LibraryMethod, libraryApi, libraryService } from "../../http/library.ts";

const get = (name: string, path: string): LibraryMethod => ({ name, rule: { pattern: { case: "get", value: path } } });
const post = (name: string, path: string): LibraryMethod => ({
  name,
  rule: { pattern: { case: "post", value: path } },
});

function find(methods: readonly LibraryMethod[], httpMethod: string, path: string): string {
  const { route, variables } = buildRouteTable([libraryApi(methods)]).find(httpMethod, path);
  return [route.method.name, ...variables].join(" ");
}

describe("finds", () => {
  test("a literal before a variable, whatever their order, and a rest last", () => {
    const methods = [
      get("Rest", "/v1/{id=**}"),
      get("Var", "/v1/{id}"),
      get("Literal", "/v1/mine"),
      get("Root", "/v1"),
    ];
    expect(find(methods, "GET", "/v1/mine")).toBe("Literal");
    expect(find(methods, "GET", "/v1/other")).toBe("Var other");
    expect(find(methods, "GET", "/v1/a/b")).toBe("Rest a/b");
    expect(find(methods, "GET", "/v1")).toBe("Root");
  });

  test("a rest with a literal behind it before a bare one, for the HTTP methods that it has", () => {
    const methods = [
      get("Bare", "/v1/{id=**}"),
      post("Value", "/v1/{id=**}/value"),
      get("Value2", "/v1/{id=**}/value"),
      get("Versions", "/v1/{id=**}/versions"),
    ];
    expect(find(methods, "GET", "/v1/a/b/value")).toBe("Value2 a/b");
    expect(find(methods, "POST", "/v1/value/value")).toBe("Value value");
    expect(find(methods, "GET", "/v1/versions")).toBe("Versions ");
    expect(find(methods, "GET", "/v1/versions/b")).toBe("Bare versions/b");
    expect(find(methods.slice(0, 2), "GET", "/v1/a/value")).toBe("Bare a/value");
    expect(() => find(methods.slice(1), "GET", "/v1/a/b")).toThrow(
      expect.objectContaining({ reason: "ROUTE_NOT_FOUND" }),
    );
  });

  test("the leftmost literal, when two routes have one each", () => {
    const methods = [get("Late", "/v1/{id}/x"), get("Early", "/v1/a/{id}")];
    expect(find(methods, "GET", "/v1/a/x")).toBe("Early x");
  });

  test("a verb where a route has it, and else lets the colon be part of the id", () => {
    const methods = [get("Get", "/v1/{id}"), post("Undelete", "/v1/{id}:undelete")];
    expect(find(methods, "POST", "/v1/a:undelete")).toBe("Undelete a");
    expect(find(methods, "POST", "/v1/a:b:undelete")).toBe("Undelete a:b");
    expect(find(methods, "GET", "/v1/a:b")).toBe("Get a:b");
    expect(find(methods, "POST", "/v1/a%3Aundelete")).toBe("Undelete a");
    expect(() => find(methods, "GET", "/v1/a:undelete")).toThrow(
      expect.objectContaining({ reason: "METHOD_NOT_ALLOWED", metadata: { allow: "POST" } }),
    );
  });

  test("additional bindings and custom methods, `*` for any that has no route of its own", () => {
    const rule = {
      pattern: {
        case: "custom" as const,
        value: { $typeName: "google.api.CustomHttpPattern" as const, kind: "*", path: "/v1/any" },
      },
      additionalBindings: [
        create(HttpRuleSchema, { pattern: { case: "get", value: "/v2/{id}" } }),
        create(HttpRuleSchema, { pattern: { case: "custom", value: { kind: "PURGE", path: "/v1/{id}" } } }),
      ],
    };
    const methods = [{ name: "Any", rule }, get("Get", "/v1/any")];
    expect(find(methods, "OPTIONS", "/v1/any")).toBe("Any");
    expect(find(methods, "GET", "/v1/any")).toBe("Get");
    expect(find(methods, "GET", "/v2/x")).toBe("Any x");
    expect(find(methods, "PURGE", "/v1/x")).toBe("Any x");
  });
});

describe("rejects", () => {
  test("another HTTP method, naming those that work", () => {
    const methods = [
      get("Get", "/v1/{id}"),
      { name: "Delete", rule: { pattern: { case: "delete" as const, value: "/v1/{id}" } } },
    ];
    expect(() => find(methods, "POST", "/v1/x")).toThrow(
      expect.objectContaining({ reason: "METHOD_NOT_ALLOWED", metadata: { allow: "DELETE, GET, HEAD" } }),
    );
  });

  test("a path that no route has", () => {
    expect(() => find([get("Get", "/v1/{id}")], "GET", "/v2/x")).toThrow(
      expect.objectContaining({ reason: "ROUTE_NOT_FOUND" }),
    );
  });
});

describe("refuses to start on", () => {
  test("two routes of one shape, naming both RPCs", () => {
    const build = () =>
      buildRouteTable([
        libraryApi([get("One", "/v1/{id}")]),
        libraryApi([], { services: [libraryService([get("Two", "/v1/{book.id}")], "OtherService")] }),
      ]);
    expect(build).toThrow(/library\.v1\.LibraryService\.One and library\.v1\.OtherService\.Two/);
  });

  test.each<[string, LibraryMethod]>([
    ["no field nope", get("Get", "/v1/{nope}")],
    ["no field zip", get("Get", "/v1/{book.zip}")],
    ["must be a scalar", get("Get", "/v1/{book}")],
    ["must be a scalar", get("Get", "/v1/{colors}")],
    ["not a message", get("Get", "/v1/{id.x}")],
    ["no field nope", { name: "Post", rule: { pattern: { case: "post", value: "/v1" }, body: "nope" } }],
    ["no field nope", { name: "Post", rule: { pattern: { case: "post", value: "/v1" }, responseBody: "nope" } }],
    ["success_status", { ...get("Get", "/v1"), successStatus: 400 }],
  ])("a route with %s", (message, method) => {
    expect(() => buildRouteTable([libraryApi([method])])).toThrow(message);
  });
});

test("an unknown path belongs to the API that shares most of its literal beginning", () => {
  const a = libraryApi([get("Get", "/v1/a/{id}")], { name: "a" });
  const b = libraryApi([], { name: "b", services: [libraryService([get("Get", "/v1/b/c/{id}")], "B")] });
  const table = buildRouteTable([a, b]);
  expect(table.nearestApi("/v1/b/x")?.name).toBe("b");
  expect(table.nearestApi("/v1/a/x/y")?.name).toBe("a");
  expect(table.nearestApi("/v1")?.name).toBe("a");
  expect(table.nearestApi("/v2")).toBeUndefined();
  const c = libraryApi([], { name: "c", services: [libraryService([get("Get", "/v1/*/c/{id=**}")], "C")] });
  const wide = buildRouteTable([libraryApi([get("Get", "/v1/{id}/b")], { name: "a" }), c]);
  expect(wide.nearestApi("/v1/x/c//")?.name).toBe("c");
  expect(wide.nearestApi("/v1/x/b")?.name).toBe("a");
  expect(wide.nearestApi("/v1/x/d")?.name).toBe("a");
});

test("Akua's four routes are found with their status and answer field", () => {
  const table = buildRouteTable([libraryApi([], { services: [SecretService] })]);
  const found = [
    table.find("POST", "/v1/secrets"),
    table.find("GET", "/v1/secrets/sec_1"),
    table.find("DELETE", "/v1/secrets/sec_1"),
    table.find("POST", "/v1/secrets/sec_1:undelete"),
  ].map(({ route, variables }) => [route.method.name, route.successStatus, route.responseBody?.name, ...variables]);
  expect(found).toEqual([
    ["CreateSecret", 201, "secret"],
    ["GetSecret", 200, "secret", "sec_1"],
    ["DeleteSecret", 204, undefined, "sec_1"],
    ["UndeleteSecret", 200, "secret", "sec_1"],
  ]);
});

// Requests folded into messages, and messages written as answers.
import { create, type DescMessage, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { CofferError, failOn } from "../../../src/domain/error/errors.ts";
import { readQuery } from "../../../src/surfaces/transcoded/query.ts";
import { readRequest } from "../../../src/surfaces/transcoded/read-request.ts";
import { buildRouteTable } from "../../../src/surfaces/transcoded/routes.ts";
import { writeResponse } from "../../../src/surfaces/transcoded/write-response.ts";
import { type LibraryMethod, libraryApi } from "../../http/library.ts";

const methods: LibraryMethod[] = [
  { name: "List", rule: { pattern: { case: "get", value: "/v1/books" } } },
  { name: "Get", rule: { pattern: { case: "get", value: "/v1/books/{id}" }, responseBody: "book" } },
  { name: "Create", rule: { pattern: { case: "post", value: "/v1/books/{id}" }, body: "*" } },
  { name: "Update", rule: { pattern: { case: "patch", value: "/v1/books/{book.id}" }, body: "book" } },
  { name: "Change", rule: { pattern: { case: "patch", value: "/v1/shelf/books/{id}" }, body: "*" } },
  { name: "Undelete", rule: { pattern: { case: "post", value: "/v1/books/{id}:undelete" } } },
];
const api = libraryApi(methods);
const table = buildRouteTable([api]);

const exactTable = buildRouteTable([{ ...api, exactJson: true }]);

function read(httpMethod: string, url: string, body?: JsonValue, routes = table): JsonObject {
  const [path = "", query = ""] = url.split("?");
  const { route, variables } = routes.find(httpMethod, path);
  const { message, shape } = readRequest(route, { body, variables, query: readQuery(query) });
  failOn(shape.violations);
  return toJson(route.method.input as DescMessage, message) as JsonObject;
}

function violations(httpMethod: string, url: string, body?: JsonValue, routes = table): [string, string][] {
  try {
    read(httpMethod, url, body, routes);
  } catch (error) {
    if (error instanceof CofferError) return error.violations.map(({ field, description }) => [field, description]);
    throw error;
  }
  throw new Error("was accepted");
}

describe("folds", () => {
  test("path variables and the whole body", () => {
    expect(read("POST", "/v1/books/b1", { page_size: 3, by: { fullName: "x" } })).toEqual({
      id: "b1",
      pageSize: 3,
      by: { fullName: "x" },
    });
  });

  test("no body where one is declared, as an empty one", () => {
    expect(read("POST", "/v1/books/b1")).toEqual({ id: "b1" });
  });

  test("a body field, a variable inside it, and query parameters beside it", () => {
    expect(read("PATCH", "/v1/books/b1?page_size=2", { pageCount: 9 })).toEqual({
      book: { id: "b1", pageCount: 9 },
      pageSize: 2,
    });
  });

  test("query parameters: repeated, nested, enums, bools, numbers, timestamps, both spellings", () => {
    const query =
      "pageSize=7&colors=COLOR_RED&colors=0&by.full_name=A+%C3%84&by.born=0&is_lent=true&since=2026-01-01T00:00:00Z";
    expect(read("GET", `/v1/books?${query}`)).toEqual({
      pageSize: 7,
      colors: ["COLOR_RED", "COLOR_UNSPECIFIED"],
      by: { fullName: "A Ä", born: 0 },
      isLent: true,
      since: "2026-01-01T00:00:00Z",
    });
  });

  test("the names of what the body of a PATCH changes into its update_mask", () => {
    const mask = (body?: JsonObject) => read("PATCH", "/v1/shelf/books/b1", body)["updateMask"];
    expect(mask({ is_lent: false, pageSize: 3 })).toBe("pageSize,isLent");
    expect(mask({ page_size: null, by: null })).toBe("");
    expect([mask({}), mask()]).toEqual(["", ""]);
    expect(read("POST", "/v1/books/b1", { page_size: 3, update_mask: "by" })).toMatchObject({ updateMask: "by" });
  });

  test("numbers of a query where a surface wants exact JSON", () => {
    expect(read("GET", "/v1/books?page_size=7&is_lent=true", undefined, exactTable)).toEqual({
      pageSize: 7,
      isLent: true,
    });
  });

  test("an empty object where no body is taken", () => {
    expect(read("POST", "/v1/books/b1:undelete", {})).toEqual({ id: "b1" });
  });
});

describe("rejects", () => {
  test("unknown query parameters, with everything else that is wrong", () => {
    expect(violations("GET", "/v1/books?nope=1&by.nope=1&page_size=x&is_lent=1&__proto__=1&book=1&by=1")).toEqual([
      ["nope", "is not a known parameter"],
      ["by.nope", "is not a known parameter"],
      ["__proto__", "is not a known parameter"],
      ["book", "is not a known parameter"],
      ["by", "is not a known parameter"],
      ["page_size", "must be a whole number from 0 to 4294967295"],
      ["is_lent", "must be true or false"],
    ]);
  });

  test("query parameters where the whole message is the body", () => {
    expect(violations("POST", "/v1/books/b1?page_size=1", {})).toEqual([["page_size", "is not a known parameter"]]);
  });

  test("a path variable given again in the query or the body", () => {
    expect(violations("GET", "/v1/books/b1?id=b2")).toEqual([["id", "is given already"]]);
    expect(violations("POST", "/v1/books/b1", { id: "b1" })).toEqual([["id", "is given in the path already"]]);
    expect(violations("PATCH", "/v1/books/b1", { id: "b1" })).toEqual([["book.id", "is given in the path already"]]);
  });

  test("a parameter given twice, in one spelling or two, or belonging in the body", () => {
    expect(violations("GET", "/v1/books?page_size=1&page_size=2")).toEqual([["page_size", "must be given once"]]);
    expect(violations("GET", "/v1/books?page_size=1&pageSize=2")).toEqual([["pageSize", "is given already"]]);
    expect(violations("PATCH", "/v1/books/b1?book.page_count=1", {})).toEqual([
      ["book.page_count", "belongs in the body"],
    ]);
  });

  test("a body of the wrong type, by its field", () => {
    expect(violations("PATCH", "/v1/books/b1", "x")).toEqual([["book", "must be an object"]]);
    expect(violations("PATCH", "/v1/books/b1", { nope: 1 })).toEqual([["book.nope", "is not a known field"]]);
    expect(() => read("POST", "/v1/books/b1", [])).toThrow("must be a JSON object");
  });

  test("a body where none is taken", () => {
    expect(() => read("POST", "/v1/books/b1:undelete", { id: "x" })).toThrow("takes no body");
    expect(() => read("GET", "/v1/books/b1", [])).toThrow("takes no body");
  });

  test("an update_mask that the caller writes", () => {
    for (const name of ["update_mask", "updateMask"]) {
      expect(violations("PATCH", "/v1/shelf/books/b1", { [name]: 7 })).toEqual([[name, "is not a known field"]]);
    }
  });

  test("other spellings of fields and numbers where a surface wants exact JSON", () => {
    expect(violations("POST", "/v1/books/b1", { pageSize: 1, by: { fullName: "x" } }, exactTable)).toEqual([
      ["pageSize", "is not a known field"],
      ["by.fullName", "is not a known field"],
    ]);
    expect(violations("POST", "/v1/books/b1", { page_size: "1" }, exactTable)).toEqual([
      ["page_size", "must be a number"],
    ]);
    expect(violations("GET", "/v1/books?pageSize=1&page_size=01", undefined, exactTable)).toEqual([
      ["pageSize", "is not a known parameter"],
      ["page_size", "must be a whole number from 0 to 4294967295"],
    ]);
    expect(read("POST", "/v1/books/b1", { page_size: 1, by: { full_name: "1", born: 2 } }, exactTable)).toEqual({
      id: "b1",
      pageSize: 1,
      by: { fullName: "1", born: 2 },
    });
  });

  test("broken percent-encoding in the query", () => {
    expect(() => read("GET", "/v1/books?page_size=%ff")).toThrow("percent-encoded");
  });
});

describe("answers", () => {
  const book = { id: "b1", author: { full_name: "x" }, editors: [{}], pages: { 1: {} }, serial: "5" };

  function write(nullWhenUnset: boolean, json: JsonObject, path = "/v1/books/b1"): JsonValue {
    const { route } = buildRouteTable([{ ...api, nullWhenUnset }]).find("GET", path);
    return JSON.parse(writeResponse(route, fromJson(route.method.output, json))) as JsonValue;
  }

  test("with proto names and all fields of implicit presence", () => {
    expect(write(false, { book })).toEqual({
      id: "b1",
      page_count: 0,
      serial: "5",
      weight: 0,
      is_lent: false,
      scan: "",
      color: "COLOR_UNSPECIFIED",
      author: { full_name: "x" },
      notes: [],
      tags: {},
      parts: {},
      pages: { 1: { full_name: "" } },
      editors: [{ full_name: "" }],
    });
  });

  test("with null for what is unset, in nested messages, lists and maps too", () => {
    expect(write(true, { book })).toMatchObject({
      subtitle: null,
      printed: null,
      rating: null,
      cover_text: null,
      author: { full_name: "x", born: null },
      pages: { 1: { born: null } },
      editors: [{ born: null }],
    });
  });

  test("the whole response where no field is named, and null or {} for an unset field", () => {
    expect(write(false, {}, "/v1/books")).toEqual({});
    expect(write(true, {}, "/v1/books")).toEqual({ book: null });
    expect(write(true, {})).toBeNull();
    expect(write(false, {})).toEqual({});
  });
});

test("creating a message by hand and by request gives the same", () => {
  const { route } = table.find("GET", "/v1/books");
  const { message } = readRequest(route, { body: undefined, variables: [], query: new Map() });
  expect(message).toEqual(create(route.method.input));
});

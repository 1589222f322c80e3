// Strict proto JSON: what it takes, what it refuses, and what it never repeats.
import { toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { readJsonMessage } from "../../src/call/json/input.ts";
import { parseJson } from "../../src/call/json/text.ts";
import { CofferError, failOn } from "../../src/domain/error/errors.ts";
import { BookSchema } from "./library.ts";

const canary = "canary7f3a";

function read(json: unknown) {
  const text = typeof json === "string" ? json : JSON.stringify(json);
  const { message, shape } = readJsonMessage(BookSchema, new TextEncoder().encode(text));
  failOn(shape.violations);
  return message;
}

function failure(json: unknown): CofferError {
  try {
    read(json);
  } catch (error) {
    if (error instanceof CofferError) return error;
    throw error;
  }
  throw new Error("was accepted");
}

function expectNoCanary(error: CofferError): void {
  expect(JSON.stringify([error.message, error.metadata, error.violations])).not.toContain(canary);
  expect(error.cause).toBeUndefined();
}

describe("accepts", () => {
  test.each<[string, object, object]>([
    ["both spellings of a field", { page_count: 1, isLent: true }, { pageCount: 1, isLent: true }],
    [
      "numbers written as strings",
      { pageCount: "7", serial: "9007199254740993" },
      { pageCount: 7, serial: "9007199254740993" },
    ],
    [
      "the extremes of an integer type",
      { pageCount: 4294967295, serial: "-9223372036854775808" },
      { pageCount: 4294967295, serial: "-9223372036854775808" },
    ],
    ["null as unset, in a oneof too", { id: null, notes: null, coverText: "a", coverImage: null }, { coverText: "a" }],
    ["enums by name and by number", { color: "COLOR_RED" }, { color: "COLOR_RED" }],
    [
      "well-known types",
      { printed: "2026-02-28T12:00:00Z", rating: 3, extra: { a: [1, null] } },
      { printed: "2026-02-28T12:00:00Z", rating: 3, extra: { a: [1, null] } },
    ],
    [
      "maps, with a key that JavaScript knows",
      { tags: JSON.parse('{"__proto__":"x","constructor":"y"}') },
      { tags: JSON.parse('{"__proto__":"x","constructor":"y"}') },
    ],
    ["special floats", { weight: "NaN" }, { weight: "NaN" }],
    ["an empty object", {}, {}],
  ])("%s", (_, json, expected) => {
    expect(toJson(BookSchema, read(json))).toEqual(expected);
  });

  test.each(["", "YQ==", "YQ", "+/+/", "-_-_", "-_8", "+/8="])(
    "base64 %j, in either alphabet, padded or not",
    (scan) => {
      const message = read({ scan }) as unknown as { scan: Uint8Array };
      expect(Buffer.from(message.scan).toString("base64")).toBe(Buffer.from(scan, "base64").toString("base64"));
    },
  );
});

describe("names the field of a broken rule, and never the value", () => {
  test.each<[string, object, string]>([
    ["unknown field", { author: { nick: canary } }, "author.nick"],
    ["number for a string", { id: 5 }, "id"],
    ["object for a string", { id: { a: canary } }, "id"],
    ["string for a number", { page_count: canary }, "page_count"],
    ["hexadecimal number", { pageCount: "0x10" }, "pageCount"],
    ["number past its range", { pageCount: 4294967296 }, "pageCount"],
    ["fraction", { pageCount: 1.5 }, "pageCount"],
    ["int64 number that a double cannot hold", { serial: 2 ** 53 }, "serial"],
    ["float past its range", { weight: 1e39 }, "weight"],
    ["string for a bool", { isLent: canary }, "isLent"],
    ["unknown enum name", { color: canary }, "color"],
    ["string for an object", { author: canary }, "author"],
    ["list for an object", { author: [canary] }, "author"],
    ["string for a list", { notes: canary }, "notes"],
    ["null in a list", { notes: ["a", null] }, "notes[1]"],
    ["number in a list", { notes: ["a", 1] }, "notes[1]"],
    ["list for a map", { tags: [canary] }, "tags"],
    ["null in a map", { tags: { a: null } }, 'tags["a"]'],
    ["number in a map", { tags: { a: 1 } }, 'tags["a"]'],
    ["bad base64 in a map", { parts: { a: `${canary}!` } }, 'parts["a"]'],
    ["bad map key", { pages: { x: {} } }, 'pages["x"]'],
    ["field below a map", { pages: { 1: { full_name: 1 } } }, 'pages["1"].full_name'],
    ["field below a list", { editors: [{}, { fullName: 1 }] }, "editors[1].fullName"],
    ["base64 with foreign characters", { scan: `${canary}*` }, "scan"],
    ["base64 of an impossible length", { scan: "YWJjZ" }, "scan"],
    ["base64 with loose bits", { scan: "YR==" }, "scan"],
    ["base64 with too little padding", { scan: "YQ=" }, "scan"],
    ["base64 in two alphabets", { scan: "+_+_" }, "scan"],
    ["base64 with a line break", { scan: "YWJj\nYWJj" }, "scan"],
    ["lone surrogate", { id: `${canary}\ud800` }, "id"],
    ["lone surrogate in a map's key", { tags: { "\udfff": "a" } }, 'tags["\\udfff"]'],
    ["no timestamp", { printed: canary }, "printed"],
    ["February 30", { printed: "2026-02-30T00:00:00Z" }, "printed"],
    ["bad wrapper", { rating: canary }, "rating"],
    ["bad struct", { extra: canary }, "extra"],
    ["unknown type in an Any", { any: { "@type": `type.googleapis.com/${canary}` } }, "any"],
    ["both spellings at once", { page_count: 1, pageCount: 1 }, "pageCount"],
    ["two members of a oneof", { coverText: canary, coverImage: {} }, "coverImage"],
  ])("%s", (_, json, field) => {
    const error = failure(json);
    expect(error.reason).toBe("FIELD_INVALID");
    expect(error.violations.map((violation) => violation.field)).toEqual([field]);
    expectNoCanary(error);
  });
});

describe("refuses as malformed", () => {
  test.each<[string, string]>([
    ["an empty body", ""],
    ["half an object", `{"id":"${canary}`],
    ["half a key", '{"\\u00'],
    ["a stray bracket", `]]{"id":"${canary}"}`],
    ["text behind the object", `{"id":"a"} ${canary}`],
    ["a list", `["${canary}"]`],
    ["a string", `"${canary}"`],
    ["null", "null"],
    ["a key given twice", `{"id":"a","id":"${canary}"}`],
    ["a key given twice, once escaped", `{"tags":{"a\\"b":"1","a\\u0022b":"${canary}"}}`],
    ["33 levels", `{"extra":${'{"a":'.repeat(32)}1${"}".repeat(32)}}`],
    ["a million levels", "[".repeat(1_000_000)],
    ["1,001 keys", JSON.stringify({ tags: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, "a"])) })],
  ])("%s", (_, text) => {
    const error = failure(text);
    expect(error.reason).toBe("REQUEST_MALFORMED");
    expectNoCanary(error);
  });

  test("invalid UTF-8", () => {
    const bytes = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    expect(() => readJsonMessage(BookSchema, bytes)).toThrow("not valid UTF-8");
  });
});

test("32 levels and 1,000 keys are within the caps, and braces in strings do not count", () => {
  expect(() => {
    read(`{"extra":${'{"a":'.repeat(30)}1${"}".repeat(30)}}`);
    read({ tags: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, "a"])) });
    read({ id: `${"{[".repeat(100)}\\"\\\\`, notes: ['\\"', ",", '{"a":1,"a":2}'] });
  }).not.toThrow();
});

test("all violations come at once, in the body's order", () => {
  const error = failure({ nope: 1, id: 2, author: { born: "x", zip: 1 } });
  expect(error.violations.map((violation) => violation.field)).toEqual(["nope", "id", "author.born", "author.zip"]);
});

test("a body with more values than any request needs is refused before anything is made of it", () => {
  const failureOf = (body: string) => {
    try {
      parseJson(Buffer.from(body));
      return "none";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(failureOf(`[${"{},".repeat(20_000)}{}]`)).toBe("the body has more than 10000 values");
  expect(failureOf(`[${"1,".repeat(9_000)}1]`)).toBe("none");
});

test("a body of many mistakes gets a short answer", () => {
  const error = failure({ notes: Array.from({ length: 5_000 }, () => 1), [`${"k".repeat(5000)}`]: 1 });
  expect(error.violations).toHaveLength(50);
  expect(JSON.stringify(failure({ ["k".repeat(5000)]: 1 }).violations).length).toBeLessThan(400);
});

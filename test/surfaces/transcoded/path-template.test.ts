// The grammar of path templates, and how paths match it.
import { describe, expect, test } from "vitest";
import { readRequestPath } from "../../../src/call/request-path.ts";
import {
  bindVariables,
  matchesTemplate,
  parsePathTemplate,
  templateShape,
} from "../../../src/surfaces/transcoded/path-template.ts";

describe("a template keeps its shape", () => {
  test.each([
    ["/v1/secrets", "/v1/secrets"],
    ["/v1/secrets/{id}", "/v1/secrets/*"],
    ["/v1/secrets/{id}:undelete", "/v1/secrets/*:undelete"],
    ["/v1/{name=shelves/*}/books/{id}:verb", "/v1/shelves/*/books/*:verb"],
    ["/v1/{name=shelves/*/books/*}", "/v1/shelves/*/books/*"],
    ["/v1/{a.b.c=x/**}", "/v1/x/**"],
    ["/v1/**", "/v1/**"],
    ["/v1/*/{x=*}", "/v1/*/*"],
    ["/v1/{id}/versions/{vid}:enable", "/v1/*/versions/*:enable"],
    ["/v1/{path=**}/value", "/v1/**/value"],
  ])("%s", (template, shape) => {
    expect(templateShape(parsePathTemplate(template))).toBe(shape);
  });
});

describe("what is no template is refused", () => {
  test.each([
    "v1/secrets",
    "/",
    "/v1//secrets",
    "/v1/secrets/",
    "/v1/{id",
    "/v1/id}",
    "/v1/{}",
    "/v1/{1d}",
    "/v1/{id=}",
    "/v1/{id={x}}",
    "/v1/{region}/secret{path=**}",
    "/v1/**/x/**",
    "/v1/{a=**}/{b=**}",
    "/v1/{a}/{a}",
    "/v1/..",
    "/v1/x:",
    "/v1/a:b/c",
    "/v1/x:{verb}",
  ])("%s", (template) => {
    expect(() => parsePathTemplate(template)).toThrow(template);
  });
});

describe("variables take their segments", () => {
  test.each<[template: string, path: string, variables: string[] | undefined]>([
    ["/v1/secrets/{id}", "/v1/secrets/a", ["a"]],
    ["/v1/secrets/{id}", "/v1/secrets", undefined],
    ["/v1/secrets/{id}", "/v1/secrets/a/b", undefined],
    ["/v1/secrets/{id}", "/v1/secretsX/a", undefined],
    ["/v1/{name=shelves/*}/books/{id}", "/v1/shelves/1/books/2", ["shelves/1", "2"]],
    ["/v1/{name=shelves/*}/books/{id}", "/v1/halls/1/books/2", undefined],
    ["/v1/{path=**}", "/v1/a/b/c", ["a/b/c"]],
    ["/v1/{path=**}", "/v1", [""]],
    ["/v1/x/{path=a/**}", "/v1/x/a", ["a"]],
    ["/v1/x/{path=a/**}", "/v1/x", undefined],
    ["/v1/{path=**}/value", "/v1/a/b/value", ["a/b"]],
    ["/v1/{path=**}/value", "/v1/value/value", ["value"]],
    ["/v1/{path=**}/value", "/v1/value", [""]],
    ["/v1/{path=**}/value", "/v1/a/b", undefined],
    ["/v1/{path=**}/value", "/v1", undefined],
    ["/v1/{a}/x/{path=y/**}/by/{b}", "/v1/1/x/y/2/3/by/4", ["1", "y/2/3", "4"]],
    ["/v1/{a}/x/{path=y/**}/by/{b}", "/v1/1/x/y/by", undefined],
    ["/v1/{id}", "/v1/a%20b%C3%A4", ["a bä"]],
    ["/v1/{id}", "/v1/%2541", ["%41"]],
    ["/v1/secrets/{id}", "/v1/s%65crets/a", ["a"]],
  ])("%s on %s", (template, path, variables) => {
    const parsed = parsePathTemplate(template);
    const { segments } = readRequestPath(path);
    expect(matchesTemplate(parsed, segments) ? bindVariables(parsed, segments) : undefined).toEqual(variables);
  });
});

describe("a path that may be read in two ways is refused", () => {
  test.each([
    "/v1/a%2Fb",
    "/v1/a%2fb",
    "/v1//b",
    "/v1/b/",
    "/v1/./b",
    "/v1/../b",
    "/v1/%2e%2E/b",
    "/v1/.%2e",
    "/v1/%2e",
    "/v1/%",
    "/v1/%zz",
    "/v1/%ff",
    "/v1/%c3%28",
    "/v1/%ed%a0%80",
    "/v1/a%00",
    "/v1/..:undelete",
    "/v1/%2e%2e:undelete",
  ])("%s", (path) => {
    expect(() => readRequestPath(path)).toThrow(expect.objectContaining({ reason: "REQUEST_MALFORMED" }));
  });
});

test("only the text behind the last colon of the last segment can be a verb, however the colon is encoded", () => {
  expect(readRequestPath("/v1/a:b/c").withVerb).toBeUndefined();
  expect(readRequestPath("/v1/a%3Ab").withVerb).toEqual({ segments: ["v1", "a"], verb: "b" });
  expect(readRequestPath("/v1/a%3ab").withVerb).toEqual({ segments: ["v1", "a"], verb: "b" });
  expect(readRequestPath("/v1/a%253Ab").withVerb).toBeUndefined();
  expect(readRequestPath("/v1/a:").withVerb).toBeUndefined();
  expect(readRequestPath("/v1/a:b:c").withVerb).toEqual({ segments: ["v1", "a:b"], verb: "c" });
  expect(readRequestPath("/v1/a%3Ab:c").withVerb).toEqual({ segments: ["v1", "a:b"], verb: "c" });
});

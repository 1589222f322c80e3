// The contracts themselves: they are about the routes that are served, and what they check they would find.
import { getOption } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { restApis } from "../../src/surfaces/surfaces.ts";
import type { TranscodedApi } from "../../src/surfaces/transcoded/api.ts";
import { createAkuaSecret } from "../support/akua.ts";
import { useCoffer } from "../support/coffer.ts";
import { answersChecked } from "../support/contract-setup.ts";
import { brokenRules, contractOf } from "../support/contracts.ts";

/** Every route of a surface, as contracts write them. */
function routesOf({ services }: TranscodedApi): string[] {
  return services
    .flatMap(({ desc }) => desc.methods)
    .flatMap((method) => {
      const rule = getOption(method, http);
      return [rule, ...rule.additionalBindings];
    })
    .flatMap(({ pattern }) => {
      if (pattern.case === undefined || pattern.case === "custom") return [];
      return [`${pattern.case.toUpperCase()} ${pattern.value.replace("/{url_path=**}", "{path}")}`];
    })
    .sort();
}

describe.each(restApis)("the contract of $name", (api) => {
  it("has every route that is served, and no other", () => {
    const contract = contractOf(api.name);
    expect(contract.routes.map(({ request }) => request).sort()).toEqual(routesOf(api));
  });

  it("has no schema that nothing uses", () => {
    const { $defs, routes, error } = contractOf(api.name);
    const text = JSON.stringify([$defs, routes]);
    for (const name of Object.keys($defs).filter((each) => each !== error)) {
      const isUsed = text.includes(`"#/$defs/${name}"`) || JSON.stringify(routes).includes(`"${name}"`);
      expect([name, isUsed]).toEqual([name, true]);
    }
  });
});

describe("an answer is refused", () => {
  const id = `sec_${"0".repeat(26)}`;
  const secret = {
    id,
    html_url: "https://console.example/secrets/1",
    workspace_id: "ws_1",
    name: "n",
    kind: "generic",
    state: "active",
    validation: null,
    version_count: 1,
    enabled_version_count: 1,
    created_at: 1,
    updated_at: 1,
    etag: "1",
  };
  const answer = (body: unknown, change: object = {}) =>
    brokenRules({
      method: "GET",
      path: `/v1/secrets/${id}`,
      status: 200,
      contentType: "application/json",
      body: JSON.stringify(body),
      ...change,
    });

  it("for a null, a field that is missing, one too many, a wrong type; and otherwise not", () => {
    expect(answer(secret)).toEqual([]);
    expect(answer({ ...secret, description: null })).not.toEqual([]);
    expect(answer({ ...secret, html_url: undefined })).not.toEqual([]);
    expect(answer({ ...secret, more: 1 })).not.toEqual([]);
    expect(answer({ ...secret, created_at: "1" })).not.toEqual([]);
  });

  it("for a status that is not documented, another content type, and an error of another shape", () => {
    expect(answer(secret, { status: 202 })).not.toEqual([]);
    expect(answer(secret, { contentType: "text/plain" })).not.toEqual([]);
    expect(answer({ message: "of another surface" }, { status: 404 })).not.toEqual([]);
    expect(answer({}, { path: "/v1/secrets/a/b/c/d" })).not.toEqual([]);
    expect(answer({}, { path: "/somewhere/else" })).toBeUndefined();
  });
});

describe("the tests' own coffer", () => {
  const coffer = useCoffer();

  it("has its answers checked, however they are fetched", async () => {
    const before = answersChecked();
    await createAkuaSecret(coffer);
    expect(answersChecked()).toBeGreaterThan(before);
  });
});

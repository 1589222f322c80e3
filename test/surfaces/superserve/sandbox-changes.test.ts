// Superserve's requests that change and list sandboxes, on the real servers: what they answer, refuse and repeat.
import { describe, expect, it } from "vitest";
import { idOfUuid } from "../../../src/domain/ids.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { writeEgressEvent } from "../../support/egress-secrets.ts";
import { sandboxCalls } from "../../support/sandboxes.ts";
import { newName } from "../../support/secrets.ts";
import { createServeSecret, serve, served, serveFailure } from "../../support/superserve.ts";

const coffer = useCoffer({ env: { COFFER_EGRESS_URL: "http://egress.example.com:8081" } });
const { authenticated } = sandboxCalls(coffer);

interface Box {
  id: string;
  access_token?: string;
  proxy_url?: string;
}

const failure = (path: string, init: object = {}) => serveFailure(coffer, path, init);
const create = (json: object = {}) => served<Box>(coffer, "/sandboxes", { json: { name: "box", ...json } });
const patch = (id: string, json: object) => serve(coffer, `/sandboxes/${id}`, { method: "PATCH", json });
const refusedPatch = (id: string, json: object) => failure(`/sandboxes/${id}`, { method: "PATCH", json });
const unknown = "01900000-0000-7000-8000-000000000000";

describe("POST /sandboxes/{id}/activate", () => {
  it("answers 200 as the creation did, with a fresh token", async () => {
    const { name } = await createServeSecret(coffer);
    const network = { allow_out: ["api.example.com"], deny_out: [] };
    const rest = { metadata: { a: "b" }, network, env_vars: { MODE: "x" } };
    const made = await create({ ...rest, secrets: { KEY: name } });
    const response = await serve(coffer, `/sandboxes/${made.id}/activate`, { method: "POST" });
    const active = (await response.json()) as Box;
    expect(response.status).toBe(200);
    expect(active).toMatchObject(rest);
    expect({ ...active, access_token: "", proxy_url: "" }).toEqual({ ...made, access_token: "", proxy_url: "" });
    expect(active.access_token).not.toBe(made.access_token);
    expect(active.proxy_url).toBe(`http://sandbox:${active.access_token}@egress.example.com:8081/`);
    expect(await authenticated(made.access_token ?? "")).toBeUndefined();
    expect(await authenticated(active.access_token ?? "")).toMatchObject({
      network: { allowOut: ["api.example.com"] },
    });
    const shown = JSON.stringify([await coffer.sql("select * from sandbox"), coffer.logLines]);
    for (const token of [made.access_token, active.access_token]) expect(shown).not.toContain(token);
  });

  it("with the idempotency key of an earlier one rotates nothing", async () => {
    const { id } = await create();
    const init = { method: "POST", headers: { "idempotency-key": newName() } };
    const first = await served<Box>(coffer, `/sandboxes/${id}/activate`, init);
    const again = await serve(coffer, `/sandboxes/${id}/activate`, init);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const replayed = (await again.json()) as Box;
    expect([replayed.id, replayed.access_token, replayed.proxy_url]).toEqual([id, undefined, undefined]);
    expect(await authenticated(first.access_token ?? "")).toBeDefined();
    const other = await create();
    expect(await failure(`/sandboxes/${other.id}/activate`, init)).toMatchObject({ error: "409 conflict" });
  });

  it("takes no body but an empty one, and no unknown sandbox", async () => {
    const { id } = await create();
    expect((await serve(coffer, `/sandboxes/${id}/activate`, { json: {} })).status).toBe(200);
    expect(await failure(`/sandboxes/${id}/activate`, { json: { a: 1 } })).toMatchObject({ error: "400 bad_request" });
    for (const each of [unknown, "x"]) {
      expect(await failure(`/sandboxes/${each}/activate`, { method: "POST" })).toMatchObject({
        error: "404 not_found",
      });
    }
  });
});

describe("PATCH /sandboxes/{id}", () => {
  it("refuses tags with U+0000, which Postgres cannot store, and names them", async () => {
    const { id } = await create({ metadata: { a: "b" } });
    for (const metadata of [{ "tag-1": "x\0" }, { "x\0": "y" }, { ok: "1", tag: "\0" }]) {
      const response = await patch(id, { metadata });
      expect(response.status).toBe(400);
      expect(await response.text()).toMatch(/metadata\S*: must not contain the character U\+0000/);
    }
    expect(await served(coffer, `/sandboxes/${id}`)).toMatchObject({ metadata: { a: "b" } });
  });

  it("answers 204, replaces what is given, and leaves what is not", async () => {
    const { id } = await create({ metadata: { a: "1" }, network: { deny_out: ["a.example.com"] } });
    const read = () => served<object>(coffer, `/sandboxes/${id}`);
    expect((await patch(id, { metadata: { b: "2" } })).status).toBe(204);
    expect(await read()).toMatchObject({ metadata: { b: "2" }, network: { deny_out: ["a.example.com"] } });
    expect((await patch(id, { network: { allow_out: ["b.example.com"], deny_out: null } })).status).toBe(204);
    expect(await read()).toMatchObject({
      metadata: { b: "2" },
      network: { allow_out: ["b.example.com"], deny_out: [] },
    });
    expect((await patch(id, { network: { allow_out: [], deny_out: [] } })).status).toBe(204);
    expect(await read()).not.toHaveProperty("network");
    expect((await patch(id, { metadata: {}, timeout_seconds: null })).status).toBe(204);
    expect(await read()).toMatchObject({ metadata: {} });
  });

  it("refuses a change of nothing, what it does not know, and what breaks a rule, and names it", async () => {
    const { id } = await create({ metadata: { a: "1" } });
    const bad: [object, string][] = [
      [{}, "metadata"],
      [{ name: "other" }, "name"],
      [{ env_vars: { A: "b" } }, "env_vars"],
      [{ metadata: { a: 1, b: null } }, 'metadata["a"]: must be a string; metadata["b"]: must be a string'],
      [{ metadata: { "": "v" } }, 'metadata[""]'],
      [{ metadata: { _Superserve: "v" } }, "reserved"],
      [{ metadata: { a: "v".repeat(2_049) } }, 'metadata["a"]'],
      [{ metadata: { a: "x\0" } }, "U+0000"],
      [{ metadata: { "a\0": "x" } }, "U+0000"],
      [{ metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])) }, "at most 64 entries"],
      [
        { metadata: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, "v".repeat(2_000)])) },
        "16384 bytes",
      ],
      [{ network: { allow_out: ["https://a.b"] } }, "network.allow_out[0]"],
      [{ network: { deny_out: ["10.0.0.0/8"] } }, "network.deny_out[0]"],
      [{ network: { allow_out: "a.example.com" } }, "network.allow_out"],
      [{ network: { allow: [] } }, "network.allow"],
      [{ network: [] }, "network"],
    ];
    for (const [json, named] of bad) {
      expect(await refusedPatch(id, json)).toEqual({
        error: "400 bad_request",
        message: expect.stringContaining(named),
      });
    }
    for (const body of [
      '{"metadata":{"a":"\\ud800"}}',
      '{"metadata":{"\\udc00":"a"}}',
      '{"metadata":{"a":"1","a":"2"}}',
    ]) {
      const answer = await serve(coffer, `/sandboxes/${id}`, { method: "PATCH", body });
      expect([body, answer.status]).toEqual([body, 400]);
    }
    expect(await refusedPatch(id, { metadata: {}, timeout_seconds: 60 })).toEqual({
      error: "501 not_implemented",
      message: "coffer does not support timeout_seconds: it starts no machines",
    });
    expect(await served(coffer, `/sandboxes/${id}`)).toMatchObject({ metadata: { a: "1" } });
    for (const each of [unknown, "x"]) {
      expect(await refusedPatch(each, { metadata: {} })).toMatchObject({ error: "404 not_found" });
    }
  });

  it("is done once for one idempotency key", async () => {
    const { id } = await create();
    const headers = { "idempotency-key": newName() };
    const init = { method: "PATCH", json: { metadata: { a: "1" } }, headers };
    expect((await serve(coffer, `/sandboxes/${id}`, init)).status).toBe(204);
    await patch(id, { metadata: { a: "2" } });
    const again = await serve(coffer, `/sandboxes/${id}`, init);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([204, "true"]);
    expect(await served(coffer, `/sandboxes/${id}`)).toMatchObject({ metadata: { a: "2" } });
    const other = { ...init, json: { metadata: { a: "3" } } };
    expect(await failure(`/sandboxes/${id}`, other)).toMatchObject({ error: "409 conflict" });
  });

  it("is the same change with its tags in another order, and with values that are no tags at all", async () => {
    const { id } = await create();
    const headers = { "idempotency-key": newName() };
    const change = (body: string) => serve(coffer, `/sandboxes/${id}`, { method: "PATCH", body, headers });
    expect((await change('{"metadata":{"a":"1","$typeName":"google.protobuf.Struct","__proto__":"p"}}')).status).toBe(
      204,
    );
    const again = await change('{"metadata":{"__proto__":"p","$typeName":"google.protobuf.Struct","a":"1"}}');
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([204, "true"]);
    const other = { method: "PATCH", headers: { "idempotency-key": newName() } };
    for (const value of [{ b: { d: 1, c: [{ f: 1, e: null }] } }, [1], "60", true]) {
      const json = { timeout_seconds: value };
      expect(await failure(`/sandboxes/${id}`, { ...other, json })).toMatchObject({ error: "501 not_implemented" });
    }
  });

  it("of tags and of limits at the same time loses neither", async () => {
    const { id } = await create();
    const network = { allow_out: ["a.example.com"] };
    await Promise.all([patch(id, { metadata: { a: "1" } }), patch(id, { network })]);
    expect(await served(coffer, `/sandboxes/${id}`)).toMatchObject({ metadata: { a: "1" }, network });
  });
});

describe("GET /sandboxes", () => {
  it("lists them newest first without variables, and by tags whose keys are like JavaScript's own", async () => {
    const { ownerToken: token } = await otherWorkspace(coffer);
    const make = (body: string) => served<Box>(coffer, "/sandboxes", { body, method: "POST", token });
    const one = await make('{"name":"one","metadata":{"__proto__":"p","constructor":"c"},"env_vars":{"A":"b"}}');
    const two = await make('{"name":"two","metadata":{"x":"ä"}}');
    const list = (query = "") => served<(Box & { name: string })[]>(coffer, `/sandboxes${query}`, { token });
    const all = await list();
    expect(all.map(({ id }) => id)).toEqual([two.id, one.id]);
    expect(Object.keys(all[1] ?? {})).toEqual(["id", "name", "status", "created_at", "secrets", "metadata"]);
    expect(JSON.stringify(all[1])).toContain('"metadata":{"__proto__":"p","constructor":"c"}');
    const names = async (query: string) => (await list(query)).map(({ name }) => name);
    expect(await names("?metadata.__proto__=p&metadata.constructor=c")).toEqual(["one"]);
    expect(await names("?metadata.x=%C3%A4")).toEqual(["two"]);
    expect(await names("?metadata.x=")).toEqual([]);
    expect(await names("?metadata.x=%C3%A4&metadata.y=1")).toEqual([]);
  });

  it("refuses parameters that it does not know, and names them", async () => {
    for (const query of ["x=1", "metadata=a", "metadata.=a", "metadata.a=1&metadata.a=2", "Metadata.a=1", "limit=1"]) {
      const [name = ""] = query.split("=");
      expect(await failure(`/sandboxes?${query}`)).toEqual({
        error: "400 bad_request",
        message: expect.stringContaining(name.split(".")[0] ?? ""),
      });
    }
    expect(await failure("/sandboxes?metadata.a=%00")).toMatchObject({ error: "400 bad_request" });
    expect(await failure("/sandboxes?metadata.%ff=a")).toMatchObject({ error: "400 bad_request" });
  });
});

describe("GET /sandboxes/{id}/network", () => {
  it("pages through events that were written at one time without losing or repeating one", async () => {
    const { id } = await create();
    const sandboxId = idOfUuid("sbx", id) ?? "";
    for (let i = 0; i < 5; i++) await writeEgressEvent(coffer, { sandboxId, path: `/${i}` });
    await coffer.sql("update egress_event set event_time = date_trunc('second', now()) where sandbox_id = $1", [
      sandboxId,
    ]);
    const paths: string[] = [];
    let query = "?limit=2";
    for (;;) {
      const page = await served<{ data: { path: string }[]; next_cursor?: string; has_more: boolean }>(
        coffer,
        `/sandboxes/${id}/network${query}`,
      );
      paths.push(...page.data.map(({ path }) => path));
      if (!page.has_more) break;
      query = `?limit=2&before=${encodeURIComponent(page.next_cursor ?? "")}`;
    }
    expect(paths).toEqual(["/4", "/3", "/2", "/1", "/0"]);
  });

  it("refuses what is no time, no verdict and no limit, and an unknown sandbox", async () => {
    const { id } = await create();
    const path = `/sandboxes/${id}/network`;
    const bad = ["before=1", "since=2026-02-30T00:00:00Z", "verdict=maybe", "limit=1001", "limit=x", "after=1"];
    for (const query of bad) {
      expect(await failure(`${path}?${query}`)).toEqual({
        error: "400 bad_request",
        message: expect.stringContaining(query.split("=")[0] ?? ""),
      });
    }
    expect(await served(coffer, `${path}?before=2026-11-28T23:59:59%2B15:59`)).toEqual({ data: [], has_more: false });
    for (const each of [unknown, "x"]) {
      expect(await failure(`/sandboxes/${each}/network`)).toMatchObject({ error: "404 not_found" });
    }
  });
});

describe("what requires a machine", () => {
  it.each<[string, object]>([
    [`POST /sandboxes/${unknown}/pause`, {}],
    [`POST /sandboxes/${unknown}/resume`, {}],
    ["POST /templates", { json: { name: "n", build_spec: { from: "python", steps: [{ run: "x" }] }, vcpu: 2 } }],
    ["GET /templates?name_prefix=a", {}],
    ["GET /templates/a", {}],
    ["DELETE /templates/a", {}],
    ["POST /templates/a/builds", {}],
    ["GET /templates/a/builds?limit=1", {}],
    ["GET /templates/a/builds/b", {}],
    ["DELETE /templates/a/builds/b", {}],
    ["GET /templates/a/builds/b/logs", {}],
  ])("%s is 501, and 401 without a token", async (request, init) => {
    const [method, path = ""] = request.split(" ");
    expect(await failure(path, { method, ...init })).toEqual({
      error: "501 not_implemented",
      message: expect.stringMatching(/^coffer does not support .*: it starts no machines$/),
    });
    expect(await failure(path, { method, ...init, token: null })).toMatchObject({ error: "401 unauthorized" });
  });

  it("a sandbox with such a field is not made, unless the field is null", async () => {
    const name = newName("machine");
    const given = { timeout_seconds: 60, auto_delete_seconds: 0, from_template: "", from_snapshot: unknown };
    for (const [field, value] of Object.entries(given)) {
      const json = { name, [field]: value };
      expect(await failure("/sandboxes", { json })).toEqual({
        error: "501 not_implemented",
        message: `coffer does not support ${field}: it starts no machines`,
      });
    }
    expect(await coffer.sql("select 1 from sandbox where name = $1", [name])).toEqual([]);
    const nulls = Object.fromEntries(Object.keys(given).map((field) => [field, null]));
    await create({ name, ...nulls });
  });
});

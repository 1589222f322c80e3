// Superserve's requests about secrets that are there, on the real servers: what succeeds, is refused, conflicts and replays.
import { describe, expect, it } from "vitest";
import { idOfUuid } from "../../../src/domain/ids.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret, writeEgressEvent } from "../../support/egress-secrets.ts";
import { createSecret, getSecret, newName } from "../../support/secrets.ts";
import {
  createServeSecret,
  type ServeSecret,
  serve,
  serveBody,
  served,
  serveFailure,
} from "../../support/superserve.ts";

const coffer = useCoffer();

const _uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const seconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const failure = (path: string, init: object = {}) => serveFailure(coffer, path, init);
const patch = (name: string, json: object) => ({ path: `/secrets/${name}`, init: { method: "PATCH", json } });

describe("GET /secrets", () => {
  it("lists all with a rule, newest first, and nothing else", async () => {
    const { ownerToken: token } = await coffer.clients().workspaces.createWorkspace({ displayName: "list" });
    expect(await served(coffer, "/secrets", { token })).toEqual([]);
    for (const name of ["B", "A"]) await served(coffer, "/secrets", { token, json: serveBody({ name }) });
    await createSecret(coffer, { name: "ruleless" }, token);
    await createEgressSecret(coffer, { name: "from/coffer" }, token);
    const list = await served<ServeSecret[]>(coffer, "/secrets", { token });
    expect(list.map(({ name }) => name)).toEqual(["from/coffer", "A", "B"]);
    expect(await failure("/secrets?limit=1", { token })).toMatchObject({ error: "400 bad_request" });
  });
});

describe("a name that leads nowhere is 404", () => {
  it.each(["nothing", "ruleless", "%20", "x".repeat(300)])("%s", async (name) => {
    if (name === "ruleless") await createSecret(coffer, { name });
    const { path, init } = patch(name, { value: "v" });
    const inits = [
      [path, {}],
      [path, init],
      [path, { method: "DELETE" }],
      [`${path}/audit`, {}],
      [`${path}/sandboxes`, {}],
    ] as const;
    for (const [at, each] of inits) expect(await failure(at, each)).toMatchObject({ error: "404 not_found" });
  });
});

describe("PATCH /secrets/{name}", () => {
  it("replaces the value: a new version, once for one idempotency key", async () => {
    const made = await createServeSecret(coffer);
    const { path, init } = patch(made.name, { value: "another" });
    const headers = { "idempotency-key": newName() };
    const { updated_at, ...kept } = made;
    expect(await served(coffer, path, { ...init, headers })).toMatchObject(kept);
    expect((await serve(coffer, path, { ...init, headers })).headers.get("idempotency-replayed")).toBe("true");
    expect(updated_at).toMatch(seconds);
    expect(await getSecret(coffer, { id: idOfUuid("sec", made.id) ?? "" })).toMatchObject({ currentVersion: 2 });
  });

  it.each([
    [{}],
    [{ value: "" }],
    [{ value: null }],
    [{ value: "v".repeat(8_193) }],
    [{ value: "v", hosts: ["a.b.c"] }],
    [{ value: "v", name: "x" }],
  ])("refuses %j", async (json) => {
    const { path, init } = patch((await createServeSecret(coffer)).name, json);
    expect(await failure(path, init)).toMatchObject({ error: "400 bad_request" });
  });
});

describe("DELETE /secrets/{name}", () => {
  it("frees the name at once, and again for the same idempotency key", async () => {
    const { name, id } = await createServeSecret(coffer);
    const init = { method: "DELETE", headers: { "idempotency-key": newName() } };
    const response = await serve(coffer, `/secrets/${name}`, init);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(await failure(`/secrets/${name}`)).toMatchObject({ error: "404 not_found" });
    expect((await serve(coffer, `/secrets/${name}`, init)).status).toBe(204);
    const again = await createServeSecret(coffer, { name });
    expect(again.id).not.toBe(id);
    expect((await serve(coffer, `/secrets/${name}`, init)).status).toBe(204);
    expect(await served(coffer, `/secrets/${name}`)).toEqual(again);
  });
});

it("a name that is taken is 409", async () => {
  const { name } = await createServeSecret(coffer);
  expect(await failure("/secrets", { json: serveBody({ name }) })).toMatchObject({ error: "409 conflict" });
  const plain = await createSecret(coffer);
  expect(await failure("/secrets", { json: serveBody({ name: plain.name }) })).toMatchObject({ error: "409 conflict" });
});

describe("GET /secrets/{name}/audit", () => {
  it("lists events by number, newest first, by status and in pieces", async () => {
    const { name, id } = await createServeSecret(coffer);
    const secretId = idOfUuid("sec", id) ?? "";
    const sandbox = await served<{ id: string }>(coffer, "/sandboxes", { json: { name: "box" } });
    const sandboxId = idOfUuid("sbx", sandbox.id) ?? "";
    for (const status of [200, 301, 404, 502]) await writeEgressEvent(coffer, { secretId, sandboxId, status });
    await writeEgressEvent(coffer, {
      secretId,
      sandboxId,
      status: 403,
      upstreamStatus: undefined,
      errorCode: "path_not_allowed",
    });
    const list = (query = "") => served<{ id: number; status: number }[]>(coffer, `/secrets/${name}/audit${query}`);
    const all = await list();
    const statuses = async (query: string) => (await list(query)).map(({ status }) => status);
    expect(all.map(({ status }) => status)).toEqual([403, 502, 404, 301, 200]);
    expect(all.every(({ id: number }, i) => Number.isInteger(number) && number < (all[i - 1]?.id ?? Infinity))).toBe(
      true,
    );
    const common = {
      id: expect.any(Number),
      ts: expect.stringMatching(/Z$/),
      sandbox_id: sandbox.id,
      sandbox_name: "box",
      secret_id: id,
    };
    const request = { method: "GET", host: "api.example.com", path: "/v1", latency_ms: 7 };
    expect(all[0]).toEqual({ ...common, ...request, status: 403, error_code: "path_not_allowed" });
    expect(all[4]).toEqual({ ...common, ...request, status: 200, upstream_status: 200 });
    expect([await statuses("?status=2xx"), await statuses("?status=3xx")]).toEqual([[200], [301]]);
    expect([await statuses("?status=4xx"), await statuses("?status=5xx")]).toEqual([[403, 404], [502]]);
    expect(await statuses("?status=errors")).toEqual([403, 502, 404]);
    expect(await statuses(`?limit=2&before=${all[1]?.id}`)).toEqual([404, 301]);
    for (const before of ["9007199254740991", "9223372036854775807"]) {
      expect(await statuses(`?limit=1&before=${before}`)).toEqual([403]);
    }
    await served(coffer, `/sandboxes/${sandbox.id}`, { method: "DELETE" });
    expect((await list("?limit=1"))[0]).not.toHaveProperty("sandbox_name");
  });

  const bad = [
    "limit=0",
    "limit=1001",
    "limit=1.5",
    "limit=1&limit=2",
    "before=x",
    "before=-1",
    "before=1e3",
    "before=",
  ];
  it.each([...bad, "status=1xx", "status=2XX", "status=", "page=1"])("refuses %s", async (query) => {
    const { name } = await createServeSecret(coffer);
    expect(await failure(`/secrets/${name}/audit?${query}`)).toMatchObject({ error: "400 bad_request" });
    expect((await serve(coffer, `/secrets/${name}/audit?limit=1000`)).status).toBe(200);
  });
});

it("last_used_at is shown once it was used, in whole seconds", async () => {
  const { name, id } = await createServeSecret(coffer);
  await coffer.sql("update secret set last_used_time = '2026-01-02T03:04:05.678Z' where secret_id = $1", [
    idOfUuid("sec", id),
  ]);
  expect(await served(coffer, `/secrets/${name}`)).toMatchObject({ last_used_at: "2026-01-02T03:04:05Z" });
});

it("GET /providers lists nineteen presets", async () => {
  const list = await served<{ name: string }[]>(coffer, "/providers");
  expect(list).toHaveLength(19);
  expect(list[0]).toEqual({
    name: "anthropic",
    display: "Anthropic",
    auth_type: "api-key",
    auth_config: { header: "x-api-key" },
    hosts: ["api.anthropic.com"],
    token_shape: "sk-ant-api03-...",
  });
  expect(list.find(({ name }) => name === "asana")).toMatchObject({ auth_config: {}, token_shape: "..." });
});

// EgressService refuses bad requests before any look-up, ends the pages of events, and refuses idempotency keys of other calls.
import type { CallOptions } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret, writeEgressEvent } from "../../support/egress-secrets.ts";
import { expectError, expectErrors, invalid } from "../../support/errors.ts";
import { byId, newName, present } from "../../support/secrets.ts";

const coffer = useCoffer();
const egress = () => coffer.clients().egress;
const newSandbox = async () => present((await egress().createSandbox({ name: "box" })).sandbox).id;

/** Returns the error of a refused call. */
async function brokenFields(rpc: string, json: object): Promise<string[]> {
  const response = await coffer.fetch(`/coffer.v1.EgressService/${rpc}`, { json });
  const { details } = (await response.json()) as { details: { debug: { fieldViolations?: { field: string }[] } }[] };
  expect(response.status).toBe(400);
  return details.flatMap(({ debug }) => debug.fieldViolations?.map(({ field }) => field) ?? []);
}

describe("rejects", () => {
  const long = "x".repeat(65);
  it.each<[string, object, string[]]>([
    ["ListProviders", { limit: 1 }, ["limit"]],
    [
      "CreateSandbox",
      { name: "n".repeat(201), sourceAddress: "10.0.0.0/8", secrets: { "1": "" } },
      ["name", "sourceAddress", 'secrets["1"]', 'secrets["1"]'],
    ],
    ["CreateSandbox", { name: "s", region: "nowhere", secrets: { A: "x" } }, ["region"]],
    ["GetSandbox", {}, ["id"]],
    ["GetSandbox", { id: long }, ["id"]],
    ["CreateSandbox", {}, ["name"]],
    ["CreateSandbox", { name: "n".repeat(65) }, ["name"]],
    [
      "CreateSandbox",
      {
        name: "s",
        secrets: { A: "x" },
        metadata: { "": "v", "superserve.a": "v" },
        envVars: { A: "v", "B-C": "v", D: "\0" },
      },
      ['metadata[""]', 'metadata["superserve.a"]', 'envVars["A"]', 'envVars["B-C"]', 'envVars["D"]'],
    ],
    ["CreateSandbox", { name: "s", metadata: { a: "v".repeat(2_049) } }, ['metadata["a"]']],
    ["CreateSandbox", { name: "s", envVars: { A: "v".repeat(65_536) } }, ["envVars"]],
    [
      "CreateSandbox",
      { name: "s", network: { allowOut: ["a", "0.0.0.0/0"], denyOut: ["10.0.0.0/8", "::1", "*.com", "0.0.0.0/0"] } },
      [
        ...["network.allowOut[0]", "network.allowOut[1]"],
        ...["network.denyOut[0]", "network.denyOut[1]", "network.denyOut[2]"],
      ],
    ],
    ["UpdateSandbox", {}, ["sandbox"]],
    ["UpdateSandbox", { sandbox: { name: "n" } }, ["sandbox"]],
    ["UpdateSandbox", { sandbox: { id: "sbx_x" }, updateMask: "name" }, ["updateMask"]],
    ["UpdateSandbox", { sandbox: { id: "sbx_x", metadata: { "": "v" } } }, ['sandbox.metadata[""]']],
    ["UpdateSandbox", { sandbox: { id: "sbx_x", network: { denyOut: ["a"] } } }, ["sandbox.network.denyOut[0]"]],
    ["RotateSandboxToken", {}, ["id"]],
    ["DeleteSandbox", {}, ["id"]],
    ["BindSecret", {}, ["sandbox_id", "env_key", "secret"]],
    ["BindSecret", { sandboxId: "s", envKey: "K", id: "a", name: "b" }, ["name"]],
    ["UnbindSecret", { sandboxId: long, envKey: "E".repeat(129) }, ["sandboxId", "envKey"]],
    ["ListEgressEvents", { pageSize: 1001, secretId: long, statusClass: 9 }, ["secretId", "statusClass", "pageSize"]],
    ["ListEgressEvents", { pageToken: "x" }, ["pageToken"]],
  ])("%s %j", async (rpc, json, fields) => {
    expect(await brokenFields(rpc, json)).toEqual(fields);
  });
});

it("a key that was used for another request is refused, and nothing is made", async () => {
  const { id, name } = await createEgressSecret(coffer);
  const sandboxId = await newSandbox();
  const bind = (envKey: string, options: CallOptions) =>
    egress().bindSecret({ sandboxId, envKey, ...byId(id) }, options);
  const options = { headers: { "idempotency-key": newName() } };
  await egress().createSandbox({ name: "one" }, options);
  await bind("ONE", options);
  await expectErrors(
    [
      egress().createSandbox({ name: "one", secrets: { KEY: name } }, options),
      egress().createSandbox({ name: "one", sourceAddress: "192.0.2.1" }, options),
      bind("TWO", options),
    ],
    { code: "FailedPrecondition", reason: "IDEMPOTENCY_KEY_REUSED" },
  );
  expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toHaveLength(1);
  expect(await coffer.sql("select 1 from sandbox where name = 'one'")).toHaveLength(1);
});

it("a replay outlives the secret, and not the sandbox", async () => {
  const { id, name } = await createEgressSecret(coffer);
  const options = { headers: { "idempotency-key": newName() } };
  const make = () => egress().createSandbox({ name: "box", secrets: { KEY: name } }, options);
  const { id: sandboxId } = present((await make()).sandbox);
  await coffer.clients().secrets.deleteSecret(byId(id));
  expect((await make()).sandbox).toMatchObject({ id: sandboxId, secrets: [{ secretId: id, revoked: true }] });
  await egress().deleteSandbox({ id: sandboxId });
  await expectError(make(), { reason: "SANDBOX_NOT_FOUND" });
});

it("the last page has no token, also when it is full", async () => {
  const sandboxId = await newSandbox();
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) ids.unshift(await writeEgressEvent(coffer, { sandboxId }));
  const list = async (pageSize: number, pageToken = "") => {
    const { egressEvents, nextPageToken } = await egress().listEgressEvents({ sandboxId, pageSize, pageToken });
    return { ids: egressEvents.map(({ id }) => id), nextPageToken };
  };
  expect(await list(4)).toEqual({ ids, nextPageToken: "" });
  const first = await list(2);
  await writeEgressEvent(coffer, { sandboxId });
  expect([first.ids, await list(2, first.nextPageToken)]).toEqual([
    ids.slice(0, 2),
    { ids: ids.slice(2), nextPageToken: "" },
  ]);
  await expectError(
    egress().listEgressEvents({ sandboxId, pageSize: 3, pageToken: `${first.nextPageToken}x` }),
    invalid("page_token"),
  );
});

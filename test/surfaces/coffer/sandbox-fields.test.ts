// Tags, variables and limits of sandboxes, and their fresh tokens, over coffer.v1 on the real servers.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { rewrapVersions } from "../../../src/jobs/rewrap-versions.ts";
import { allow, newMember } from "../../support/access.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret } from "../../support/egress-secrets.ts";
import { denied, expectError, expectErrors } from "../../support/errors.ts";
import { textsIn } from "../../support/find-bytes.ts";
import { run } from "../../support/jobs.ts";
import { sandboxCalls, sandboxNotFound, unknownSandbox } from "../../support/sandboxes.ts";
import { newName, present } from "../../support/secrets.ts";

const coffer = useCoffer();
const { egress, createSandbox, bind, authenticated } = sandboxCalls(coffer);

/** In a workspace of its own, so that no other test uses its key. */
async function beginAlone() {
  const { ownerToken } = await otherWorkspace(coffer);
  const { egress: calls, keys } = coffer.clients(ownerToken);
  const envVars = { TOKEN: "a-sealed-variable", EMPTY: "" };
  const { sandbox, token } = await calls.createSandbox({ name: "box", envVars });
  const [key] = (await keys.listKeys({})).keys;
  return { calls, keys, ownerToken, envVars, token, sandbox: present(sandbox), key: present(key) };
}

describe("the variables of a sandbox", () => {
  it("are given back to those who may read it, and lie nowhere in the clear", async () => {
    const value = newName("sealed-variable-of-a-sandbox");
    const { id, envVars } = await createSandbox({ envVars: { A: value, B: "two\nlines\n" } });
    expect(envVars).toEqual({ A: value, B: "two\nlines\n" });
    const viewer = egress(await coffer.tokenWithRole(Role.VIEWER));
    expect((await viewer.getSandbox({ id })).sandbox?.envVars).toEqual(envVars);
    const listed = (await egress().listSandboxes({ pageSize: 1_000 })).sandboxes.find((each) => each.id === id);
    expect(listed).toMatchObject({ id, envVars: {} });
    const events = await coffer.sql("select row_to_json(a)::text as row from audit_event a where resource_id = $1", [
      id,
    ]);
    const rows = await coffer.sql("select row_to_json(b)::text as row from sandbox b where sandbox_id = $1", [id]);
    expect([events.length, rows.length]).toEqual([1, 1]);
    const stored = JSON.stringify([rows, events, coffer.logLines]);
    expect(textsIn(stored, [value])).toEqual([]);
    expect(stored).toContain('\\"env_keys\\":[\\"A\\",\\"B\\"]');
  });

  it("of one sandbox open for no other", async () => {
    const [one, two] = [await createSandbox({ envVars: { A: "one" } }), await createSandbox({ envVars: { A: "two" } })];
    await coffer.sql(
      `update sandbox set env_envelope = (select env_envelope from sandbox where sandbox_id = $1) where sandbox_id = $2`,
      [one.id, two.id],
    );
    await expectErrors([egress().getSandbox({ id: two.id }), egress().rotateSandboxToken({ id: two.id })], {
      code: "DataLoss",
      reason: "VALUE_CORRUPT",
    });
    expect(await authenticated(two.token)).toBeDefined();
  });

  it("require the key that seals them: without it they are not given back, and no token is changed", async () => {
    const { calls, keys, sandbox, key, token } = await beginAlone();
    const { id } = sandbox;
    await keys.disableKey({ id: key.id });
    const refused = { code: "FailedPrecondition", reason: "KEY_NOT_ACTIVE" };
    const asked = [
      calls.getSandbox({ id }),
      calls.rotateSandboxToken({ id }),
      calls.createSandbox({ name: "s", envVars: { A: "b" } }),
    ];
    await expectErrors(asked, refused);
    expect(await authenticated(token)).toBeDefined();
    expect((await calls.listSandboxes({})).sandboxes.map((each) => each.id)).toEqual([id]);
    await calls.updateSandbox({ sandbox: { id, metadata: { a: "b" } } });
    await keys.enableKey({ id: key.id });
    expect((await calls.getSandbox({ id })).sandbox?.envVars).toEqual(sandbox.envVars);
  });

  it("follow their key to its next version", async () => {
    const { calls, keys, sandbox, key, envVars } = await beginAlone();
    const keyVersion = async () =>
      (await coffer.sql("select env_kms_key_version from sandbox where sandbox_id = $1", [sandbox.id]))[0];
    await keys.rotateKey({ id: key.id });
    expect(await keyVersion()).toEqual({ env_kms_key_version: 1 });
    await run(coffer, rewrapVersions);
    expect(await keyVersion()).toEqual({ env_kms_key_version: 2 });
    expect((await calls.getSandbox({ id: sandbox.id })).sandbox?.envVars).toEqual(envVars);
  });

  it("keep their names from secrets", async () => {
    const secret = await createEgressSecret(coffer);
    const { id } = await createSandbox({ envVars: { MODE: "x" } });
    await expectError(bind(id, "MODE", secret.id), { code: "AlreadyExists", reason: "ENV_KEY_TAKEN" });
    await bind(id, "KEY", secret.id);
    const both = createSandbox({ envVars: { KEY: "x" }, secrets: { KEY: secret.name } });
    await expectError(both, { code: "InvalidArgument", fields: ['env_vars["KEY"]'] });
  });
});

describe("UpdateSandbox", () => {
  it("replaces what the mask names, or what is set", async () => {
    const { id, ...made } = await createSandbox({
      metadata: { a: "1" },
      network: { denyOut: ["a.example.com"] },
    });
    const update = async (sandbox: object, ...paths: string[]) =>
      (await egress().updateSandbox({ sandbox: { id, ...sandbox }, updateMask: { paths } })).sandbox;
    expect(await update({ metadata: { b: "2" } })).toMatchObject({
      metadata: { b: "2" },
      network: { denyOut: ["a.example.com"] },
    });
    expect(await update({ network: { allowOut: ["b.example.com"] } })).toMatchObject({
      metadata: { b: "2" },
      network: { allowOut: ["b.example.com"], denyOut: [] },
    });
    expect(await update({}, "metadata", "network")).toMatchObject({ metadata: {}, secrets: [], name: made.name });
    expect((await egress().getSandbox({ id })).sandbox?.network).toBeUndefined();
    expect(await update({})).toMatchObject({ id, metadata: {} });
  });

  it("requires egress.update, finds no sandbox of another workspace, and repeats itself for its idempotency key", async () => {
    const { id } = await createSandbox();
    const without = await coffer.tokenWithRole(Role.OWNER, ["egress.read", "egress.create", "egress.delete"]);
    const sandbox = { id, metadata: { a: "1" } };
    await expectError(egress(without).updateSandbox({ sandbox }), denied("egress.update"));
    await expectError(egress(null as never).updateSandbox({ sandbox }), { code: "Unauthenticated" });
    const { ownerToken } = await otherWorkspace(coffer);
    await expectErrors(
      [egress(ownerToken).updateSandbox({ sandbox }), egress().updateSandbox({ sandbox: { id: unknownSandbox } })],
      sandboxNotFound,
    );
    const call = { headers: { "idempotency-key": newName() } };
    await egress().updateSandbox({ sandbox }, call);
    await egress().updateSandbox({ sandbox: { id, metadata: { a: "2" } } });
    expect((await egress().updateSandbox({ sandbox }, call)).sandbox?.metadata).toEqual({ a: "2" });
    expect((await egress(await coffer.tokenWithRole(Role.OPERATOR)).updateSandbox({ sandbox })).sandbox).toBeDefined();
  });
});

describe("RotateSandboxToken", () => {
  it("takes what a new sandbox with the same secrets takes", async () => {
    const path = newName("team");
    const secret = await createEgressSecret(coffer, { name: `${path}/key` });
    const { id, token } = await createSandbox({ secrets: { KEY: secret.name } });
    const rotate = (given: string) => egress(given).rotateSandboxToken({ id });
    const scopes = ["egress.create", "egress.bind", "secrets.use"];
    for (const lacking of scopes) {
      const kept = scopes.filter((each) => each !== lacking);
      await expectError(rotate(await coffer.tokenWithRole(Role.OWNER, [...kept, "keys.list"])), denied(lacking));
    }
    // By path, too: a rule gives the use of this secret alone.
    const member = await newMember(coffer, [], Role.MEMBER);
    await allow(coffer, member, ["secrets.use"], [`/${path}/**`]);
    await expectError(rotate(member.token), denied("egress.create"));
    await expectError(egress("sk_wrong").rotateSandboxToken({ id }), { code: "Unauthenticated" });
    const { ownerToken } = await otherWorkspace(coffer);
    await expectErrors([rotate(ownerToken), egress().rotateSandboxToken({ id: unknownSandbox })], sandboxNotFound);
    expect(await authenticated(token)).toBeDefined();
    await rotate(await coffer.tokenWithRole(Role.OWNER, scopes));
    expect(await authenticated(token)).toBeUndefined();
  });

  it("of a sandbox without secrets takes egress.create alone", async () => {
    const { id } = await createSandbox();
    const token = await coffer.tokenWithRole(Role.OWNER, ["egress.create"]);
    expect((await egress(token).rotateSandboxToken({ id })).token).toMatch(/^sbx_coffer_/);
  });
});

describe("ListSandboxes by tags", () => {
  it("shows those with all of them, by pages that no other list has", async () => {
    const run = newName("run");
    const made: string[] = [];
    for (const extra of ["1", "2", "1"]) made.push((await createSandbox({ metadata: { run, extra } })).id);
    const list = async (metadata: Record<string, string>, page = {}) => egress().listSandboxes({ metadata, ...page });
    const ids = ({ sandboxes }: Awaited<ReturnType<typeof list>>) => sandboxes.map(({ id }) => id);
    expect(ids(await list({ run }))).toEqual(made);
    expect(ids(await list({ run, extra: "1" }))).toEqual([made[0], made[2]]);
    const first = await list({ run, extra: "1" }, { pageSize: 1 });
    expect(ids(await list({ extra: "1", run }, { pageToken: first.nextPageToken }))).toEqual([made[2]]);
    await expectError(list({ run }, { pageToken: first.nextPageToken }), { fields: ["page_token"] });
  });
});

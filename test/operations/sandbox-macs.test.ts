// Sandboxes of earlier versions: their MACs, without limits of hosts, and their names, of any length, still hold.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { uuidOf } from "../../src/domain/ids.ts";
import { macRow } from "../../src/envelope/mac.ts";
import { useCoffer } from "../support/coffer.ts";
import { sandboxCalls } from "../support/sandboxes.ts";
import { served } from "../support/superserve.ts";

const coffer = useCoffer();
const { egress, createSandbox, authenticated } = sandboxCalls(coffer);

it("a row that an earlier version signed authenticates, and can be limited", async () => {
  const { id, token } = await createSandbox();
  const [row] = await coffer.sql("select * from sandbox where sandbox_id = $1", [id]);
  const { workspace_id, lookup_id, token_hash } = row as Record<string, string> & { token_hash: Uint8Array };
  // As that version did it: five fields, and nothing of limits.
  const fields = [workspace_id as string, id, lookup_id as string, token_hash, null];
  const mac = macRow(coffer.deps.deploymentKeys.rowMacKey, "sandbox/v1", fields);
  await coffer.sql("update sandbox set mac = $1, name = '' where sandbox_id = $2", [mac, id]);
  expect(await authenticated(token)).toMatchObject({ sandboxId: id, network: undefined });
  await egress().updateSandbox({ sandbox: { id, network: { allowOut: ["api.example.com"] } } });
  expect(await authenticated(token)).toMatchObject({ network: { allowOut: ["api.example.com"], denyOut: [] } });
});

it("names that are empty or longer than new ones may be are shown", async () => {
  const { id } = await createSandbox();
  for (const name of ["", "n".repeat(200)]) {
    await coffer.sql("update sandbox set name = $1 where sandbox_id = $2", [name, id]);
    expect((await egress().getSandbox({ id })).sandbox?.name).toBe(name);
    expect(await served(coffer, `/sandboxes/${uuidOf(id)}`)).toMatchObject({ name });
    await egress().updateSandbox({ sandbox: { id, metadata: { a: "b" } } });
    expect((await egress().rotateSandboxToken({ id })).sandbox?.name).toBe(name);
  }
});

it.each([
  ["its limits taken away", "network = null"],
  ["its limits widened", `network = '{"allowOut":["*.example.com"],"denyOut":[]}'`],
  ["limits that are none", "network = '[]'"],
  ["another token", "token_hash = $2"],
])("a row with %s by SQL opens nothing, and is neither updated nor given a fresh token", async (_, change) => {
  const { id, token } = await createSandbox({ network: { allowOut: ["api.example.com"] } });
  const values = change.includes("$2") ? [id, randomBytes(32)] : [id];
  await coffer.sql(`update sandbox set ${change} where sandbox_id = $1`, values);
  expect(await authenticated(token)).toBeUndefined();
  await expect(
    egress().updateSandbox({ sandbox: { id, metadata: {} }, updateMask: { paths: ["metadata"] } }),
  ).rejects.toThrow("does not authenticate");
  await expect(egress().rotateSandboxToken({ id })).rejects.toThrow("does not authenticate");
});

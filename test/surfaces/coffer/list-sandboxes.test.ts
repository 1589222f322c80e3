// ListSandboxes on the real servers: every page of them, with what is bound to each.
import { expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret } from "../../support/egress-secrets.ts";
import { expectError, invalid } from "../../support/errors.ts";
import { present } from "../../support/secrets.ts";

const coffer = useCoffer();

/** An owner's token of a workspace of its own, and sandboxes in it, the first with the most secrets. */
async function begin() {
  const { ownerToken } = await otherWorkspace(coffer);
  const { name } = await createEgressSecret(coffer, {}, ownerToken);
  const { egress } = coffer.clients(ownerToken);
  const made = [];
  for (const secrets of [{ B: name, A: name }, { C: name }, {}]) {
    made.push(present((await egress.createSandbox({ name: "agent", secrets })).sandbox));
  }
  return { ownerToken, egress, made };
}

it("shows each sandbox as GetSandbox does, by id, on as many pages as asked for", async () => {
  const { egress, made } = await begin();
  expect(made.map(({ secrets }) => secrets.map(({ envKey }) => envKey))).toEqual([["A", "B"], ["C"], []]);
  expect(await egress.listSandboxes({})).toMatchObject({ sandboxes: made, nextPageToken: "" });
  const first = await egress.listSandboxes({ pageSize: 2 });
  expect(first.sandboxes).toEqual(made.slice(0, 2));
  const second = await egress.listSandboxes({ pageSize: 2, pageToken: first.nextPageToken });
  expect(second).toMatchObject({ sandboxes: made.slice(2), nextPageToken: "" });
});

it("leaves out what is deleted or let go, and placeholders for those who may not bind", async () => {
  const { egress, ownerToken, made } = await begin();
  const [one, two, three] = made.map(({ id }) => id) as [string, string, string];
  await egress.unbindSecret({ sandboxId: one, envKey: "A" });
  await egress.deleteSandbox({ id: two });
  const viewer = await coffer
    .clients(ownerToken)
    .tokens.createToken({ displayName: "viewer", scopes: ["egress.read"] });
  const { sandboxes } = await coffer.clients(viewer.token).egress.listSandboxes({});
  expect(sandboxes.map(({ id }) => id)).toEqual([one, three]);
  expect(sandboxes[0]?.secrets).toMatchObject([{ envKey: "B", placeholder: "", revoked: false }]);
});

it("shows nothing of another workspace, and takes no page token of one", async () => {
  const [mine, theirs] = await Promise.all([begin(), begin()]);
  const { sandboxes, nextPageToken } = await theirs.egress.listSandboxes({ pageSize: 1 });
  expect(mine.made.map(({ id }) => id)).not.toContain(sandboxes[0]?.id);
  await expectError(mine.egress.listSandboxes({ pageToken: nextPageToken }), invalid("page_token"));
  await expectError(mine.egress.listSandboxes({ pageSize: 1_001 }), invalid("page_size"));
  const viewer = coffer.clients(await coffer.tokenWithRole(Role.VIEWER)).egress;
  const seen = (await viewer.listSandboxes({})).sandboxes.map(({ id }) => id);
  for (const { id } of [...mine.made, ...theirs.made]) expect(seen).not.toContain(id);
});

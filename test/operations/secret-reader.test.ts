// Secrets read together: each ask gets its own answer, whatever the others get.
import { expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { createSecret } from "../support/secrets.ts";

const coffer = useCoffer();

it("every way of naming a secret is answered in one batch, each with its own secret", async () => {
  const { secrets } = coffer.clients();
  const made = await Promise.all(Array.from({ length: 20 }, () => createSecret(coffer)));
  const asks = made.flatMap(({ id, name }) => [
    { secret: { case: "id" as const, value: id } },
    { secret: { case: "name" as const, value: name } },
    { secret: { case: "name" as const, value: `${name}/not-there` } },
  ]);
  const answers = await Promise.allSettled(asks.map((ask) => secrets.getSecret(ask)));
  for (const [index, answer] of answers.entries()) {
    const { id } = made[Math.floor(index / 3)] as (typeof made)[number];
    if (index % 3 === 2) expect(answer.status).toBe("rejected");
    else expect(answer).toMatchObject({ status: "fulfilled", value: { secret: { id } } });
  }
});

it("one that the database refuses fails alone, and a secret of another workspace is not found", async () => {
  const { id, workspaceId } = await createSecret(coffer);
  const { secretReader } = coffer.deps;
  const read = (secretId: string, workspace = workspaceId) =>
    secretReader.read({ workspaceId: workspace, secret: { by: "id", secretId } });
  // Postgres has no text with U+0000.
  const answers = await Promise.allSettled([read(id), read("sec_\0"), read(id, "ws_other"), read(id)]);
  expect(answers).toMatchObject([
    { status: "fulfilled", value: { secretId: id, workspaceId } },
    { status: "rejected" },
    { status: "fulfilled", value: undefined },
    { status: "fulfilled", value: { secretId: id, workspaceId } },
  ]);
});

it("a secret that was deleted is shown as deleted by the very next call, however many are under way", async () => {
  const { secrets } = coffer.clients();
  const { id, name } = await createSecret(coffer);
  const { id: other } = await createSecret(coffer);
  const load = Promise.all(
    Array.from({ length: 200 }, () => secrets.getSecret({ secret: { case: "id", value: other } })),
  );
  await secrets.deleteSecret({ secret: { case: "id", value: id } });
  await expect(secrets.getSecret({ secret: { case: "name", value: name } })).rejects.toThrow("no such secret");
  expect(await secrets.getSecret({ secret: { case: "id", value: id } })).toMatchObject({
    secret: { id, deleteTime: expect.anything() },
  });
  await load;
});

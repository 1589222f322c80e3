// Descriptions, annotations and names with spaces of keys, on the real servers.
import { expect, it } from "vitest";
import { useCoffer } from "../../support/coffer.ts";
import { expectError, invalid } from "../../support/errors.ts";
import { createKey, getKey } from "../../support/keys.ts";
import { newName } from "../../support/secrets.ts";

const coffer = useCoffer();

it("shows description, annotations and versions, and names with spaces, which are taken by their slugs", async () => {
  const name = `${newName("key")} with spaces`;
  const key = await createKey(coffer, { name, description: "d", annotations: { a: "b" } });
  expect(key).toMatchObject({
    name,
    description: "d",
    annotations: { a: "b" },
    imported: false,
    rotationAllowed: true,
  });
  expect(key.versions).toMatchObject([{ version: 1 }]);
  for (const taken of [name, name.replaceAll(" ", "-")]) {
    await expectError(createKey(coffer, { name: taken }), {
      reason: "KEY_NAME_TAKEN",
      metadata: { id: key.id, name: taken, region: "default" },
    });
  }
  const other = await createKey(coffer);
  const { keys } = coffer.clients();
  const renamed = keys.updateKey({ key: { id: other.id, name: name.replaceAll(" ", "-") } });
  await expectError(renamed, { reason: "KEY_NAME_TAKEN" });
  await keys.updateKey({ key: { id: key.id, description: "e", annotations: { c: "d" } } });
  await keys.updateKey({ key: { id: key.id }, updateMask: { paths: ["annotations"] } });
  expect(await getKey(coffer, key)).toMatchObject({ description: "e", annotations: {}, etag: "3" });
  await expectError(
    keys.updateKey({ key: { id: key.id, annotations: { a: "x".repeat(16_384) } } }),
    invalid("key.annotations"),
  );
  expect((await keys.listKeys({ name })).keys.map(({ id }) => id)).toEqual([key.id]);
});

// Secrets that lists remember by the text of their row: they are the secrets that other reads find, and a changed row is another text.
import { expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { byId, createSecret, data } from "../support/secrets.ts";
import { dropRefusals } from "../support/tampering.ts";

const coffer = useCoffer();

const oddTexts = ["", "plain", 'quotes " and \\ and ""', "(a,b)", "line\nbreak\ttab", "ä€😀", "null", " "];

it("a listed secret is the secret that GetSecret returns, whatever its texts hold, the first time and again", async () => {
  const { secrets } = coffer.clients();
  const made = [];
  for (const [index, text] of oddTexts.entries()) {
    const { secret } = await secrets.createSecret({
      name: `texts/${index}`,
      description: text,
      labels: index % 2 === 0 ? {} : { label: "one" },
      annotations: { [`a${text}`]: text },
      mimeType: index === 0 ? "" : "text/plain",
      value: data("v"),
    });
    made.push(secret?.id ?? "");
  }
  const found = [];
  for (const id of made) found.push((await secrets.getSecret(byId(id))).secret);
  for (let time = 0; time < 2; time++) {
    expect((await secrets.listSecrets({ namePrefix: "texts/" })).secrets).toEqual(found);
  }
});

it("a row that SQL changes after it was listed is not listed again, until it is as it was", async () => {
  await dropRefusals(coffer);
  const { secrets } = coffer.clients();
  const { id } = await createSecret(coffer);
  const listed = async () => (await secrets.listSecrets({ pageSize: 1_000 })).secrets.map((secret) => secret.id);
  expect(await listed()).toContain(id);
  const setCurrentVersion = (version: number) =>
    coffer.sql("update secret set current_version = $2 where secret_id = $1", [id, version]);
  await setCurrentVersion(7);
  expect(await listed()).not.toContain(id);
  await setCurrentVersion(1);
  expect(await listed()).toContain(id);
});

it("a change is in the very next list", async () => {
  const { secrets } = coffer.clients();
  const { id } = await createSecret(coffer);
  const listed = async () =>
    (await secrets.listSecrets({ pageSize: 1_000 })).secrets.find((secret) => secret.id === id);
  expect(await listed()).toMatchObject({ description: "" });
  await secrets.updateSecret({ secret: { id, description: "changed" }, updateMask: { paths: ["description"] } });
  expect(await listed()).toMatchObject({ description: "changed" });
  await secrets.deleteSecret(byId(id));
  expect(await listed()).toBeUndefined();
});

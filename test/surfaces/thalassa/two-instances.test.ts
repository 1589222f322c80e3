// Statements and destroyed versions on two instances: a change by one is effective on the other at once.
import { afterAll, beforeAll, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { newMember } from "../../support/access.ts";
import { deniedBy, setStatements } from "../../support/access-policies.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { expectError } from "../../support/errors.ts";
import { byId, createSecret, getSecret, readText } from "../../support/secrets.ts";
import { base64, readThalassa, secretUrl, thalassa, thalassaEnv } from "../../support/thalassa.ts";

let first: TestCoffer;
let second: TestCoffer;
beforeAll(async () => {
  first = await startCoffer({ env: thalassaEnv });
  second = await startCoffer({ env: thalassaEnv, besides: first });
});
afterAll(async () => {
  await second.close();
  await first.close();
});

it("a Deny keeps the value from a caller whom the other instance has just served, and is gone at once too", async () => {
  const { principalId, token } = await newMember(first, [], Role.OPERATOR);
  const { id } = await createSecret(first, { region: "nl-01" });
  const read = () => second.clients(token).secrets.getSecretValue(byId(id));
  for (let round = 0; round < 3; round++) {
    expect((await read()).versionNumber).toBe(1);
    await setStatements(first, id, [{ effect: "Deny", actions: ["getSecretValue"], principals: [principalId] }]);
    await expectError(read(), deniedBy(id, "statements[0]"));
    await setStatements(first, id, []);
  }
});

it("an Allow lets a member in on the other instance, and out again, as soon as it hears of the change", async () => {
  const { principalId, token } = await newMember(first);
  const { id } = await createSecret(first, { region: "nl-01" });
  const outcome = () =>
    second
      .clients(token)
      .secrets.getSecretValue(byId(id))
      .then(
        () => "value",
        () => "refused",
      );
  expect(await outcome()).toBe("refused");
  await setStatements(first, id, [{ effect: "Allow", actions: ["getSecretValue"], principals: [principalId] }]);
  await expect.poll(outcome, { timeout: 6_000 }).toBe("value");
  await setStatements(first, id, []);
  await expect.poll(outcome, { timeout: 6_000 }).toBe("refused");
});

it("after the current version is destroyed, the other instance reads the one before it, and at last none", async () => {
  const secret = await createSecret(first, { region: "nl-01" });
  const { path } = await getSecret(first, secret);
  const json = { secretString: base64("v2") };
  expect((await thalassa(first, `POST ${secretUrl(path)}/versions`, { json })).status).toBe(201);
  expect(await readThalassa(second, path)).toBe("v2");
  const destroy = (version: number) => thalassa(first, `DELETE ${secretUrl(path)}/versions?version=${version}`);
  expect((await destroy(2)).status).toBe(204);
  expect([await readThalassa(second, path), await readText(second, secret)]).toEqual(["v1", "v1"]);
  expect(await getSecret(second, secret)).toMatchObject({ currentVersion: 1, enabledVersionCount: 1 });
  expect((await destroy(1)).status).toBe(204);
  expect((await thalassa(second, `POST ${secretUrl(path)}/value`)).status).toBe(404);
  await expectError(second.clients().secrets.getSecretValue(byId(secret.id)), { reason: "VERSION_NOT_FOUND" });
});

// A role that may have fewer connections than the pool: whoever finds none waits for one that is there.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { errorsOf, inParallel } from "../support/parallel.ts";
import { newPostgresRole } from "../support/postgres-role.ts";
import { createSecret, readText } from "../support/secrets.ts";

// One for notifications, two for all the rest.
const role = newPostgresRole("connection limit 3");
let coffer: TestCoffer;
beforeAll(async () => {
  coffer = await startCoffer({ through: role.through });
});
afterAll(async () => {
  await coffer.close();
  await role.drop();
});

it("two hundred reads and fifty changes at once all succeed with two connections", async () => {
  const secret = await createSecret(coffer);
  const reads = inParallel(200, 50, () => readText(coffer, secret));
  const changes = inParallel(50, 20, () => createSecret(coffer));
  expect(errorsOf([...(await reads), ...(await changes)])).toEqual([]);
  expect((await coffer.fetch("/readyz")).status).toBe(200);
});

it("a read that waits for long goes on waiting where there is no further connection for it", async () => {
  const secret = await createSecret(coffer);
  expect(await readText(coffer, secret)).toBe("v1");
  const other = new Client(coffer.databaseUrl);
  await other.connect();
  try {
    await other.query("begin; lock table secret in access exclusive mode");
    const reading = readText(coffer, secret);
    await sleep(2_600);
    await other.query("rollback");
    expect(await reading).toBe("v1");
  } finally {
    await other.end();
  }
});

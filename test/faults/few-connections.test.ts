// A role that may have fewer connections than the pool: whoever finds none waits for one that is there.
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { errorsOf, inParallel } from "../support/parallel.ts";
import { createSecret, readText } from "../support/secrets.ts";

const role = `few_${process.pid}_${Date.now()}`;
let coffer: TestCoffer;
let adminUrl: string;

async function asAdmin(...statements: string[]): Promise<void> {
  const client = new Client(adminUrl);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

beforeAll(async () => {
  coffer = await startCoffer({
    async through(url) {
      adminUrl = url;
      // One for notifications, two for all the rest.
      await asAdmin(
        `create role ${role} login password 'x' connection limit 3`,
        `grant all on all tables in schema public to ${role}`,
        `grant all on all sequences in schema public to ${role}`,
      );
      return url.replace(/\/\/[^@]*@/, `//${role}:x@`);
    },
  });
});
afterAll(async () => {
  await asAdmin(`drop owned by ${role}`);
  await coffer.close();
  adminUrl = inject("postgresUrl");
  await asAdmin(`drop role ${role}`);
});

it("two hundred reads and fifty changes at once all succeed with two connections", async () => {
  const secret = await createSecret(coffer);
  const reads = inParallel(200, 50, () => readText(coffer, secret));
  const changes = inParallel(50, 20, () => createSecret(coffer));
  expect(errorsOf([...(await reads), ...(await changes)])).toEqual([]);
  expect((await coffer.fetch("/readyz")).status).toBe(200);
});

// The job that looks for credentials to try: what it does when nothing is due, and when something is.
import { afterAll, beforeAll, expect, it } from "vitest";
import { revalidateCredentials } from "../../src/jobs/revalidate-credentials.ts";
import type { Sql } from "../../src/store/database.ts";
import { createAkuaSecret, getAkuaSecret } from "../support/akua.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { type Services, startServices } from "../support/services.ts";

let services: Services;
let coffer: TestCoffer;
beforeAll(async () => {
  services = await startServices();
  coffer = await startCoffer({ env: services.env });
});
afterAll(async () => {
  await coffer.close();
  await services.close();
});

const isDue = () => revalidateCredentials.isDue(coffer.deps.database);
const run = () => coffer.deps.database.transaction((tx) => revalidateCredentials.runBatch(coffer.deps, tx));

it("has nothing due once all is tried; then what is due is tried behind it, and no transaction waits", async () => {
  const { id } = await createAkuaSecret(coffer, { kind: "cloudflare_api", value: "good" });
  const state = async () => (await getAkuaSecret(coffer, { id })).validation?.state;
  await until("it is tried", async () => (await state()) === "valid");
  expect(await isDue()).toBe(false);
  await createAkuaSecret(coffer);
  expect(await isDue()).toBe(false);
  await coffer.sql("update secret set validate_after = now(), validation_state = 'INVALID' where secret_id = $1", [id]);
  expect(await isDue()).toBe(true);
  expect(await run()).toBe(0);
  await until("it is tried again", async () => (await state()) === "valid");
  expect(await isDue()).toBe(false);
});

it("looks into one index when nothing is due, however many secrets there are", async () => {
  const { id } = await createAkuaSecret(coffer);
  await coffer.sql(
    `insert into secret select (jsonb_populate_record(s, jsonb_build_object('secret_id', 'sec_' || n, 'path', '/copy-' || n))).*
      from secret s, generate_series(1, 5000) n where s.secret_id = $1`,
    [id],
  );
  await coffer.sql("analyze secret");
  const plan: object[] = [];
  const explaining: Sql = {
    async query({ text }) {
      plan.push(...(await coffer.sql(`explain ${text}`)));
      return [{ is_due: false }] as never;
    },
  };
  expect(await revalidateCredentials.isDue(explaining)).toBe(false);
  expect(JSON.stringify(plan)).toContain("Index Scan using secret_by_validate_after");
});

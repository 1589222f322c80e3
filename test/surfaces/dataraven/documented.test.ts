// The request bodies of DataRaven's document, as they stand there, on the real servers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { useCoffer } from "../../support/coffer.ts";
import { ravenFailure, teamOf } from "../../support/dataraven.ts";

const coffer = useCoffer();
const read = (name: string) => readFileSync(join(import.meta.dirname, "documented", name), "utf8");

it("a credential given directly is stored, answered without it, and its name is taken then", async () => {
  const path = `/v1/teams/${await teamOf(coffer)}/secrets`;
  const body = read("direct.json");
  const init = { method: "POST", body, headers: { "content-type": "application/json" } };
  const response = await coffer.fetch(path, init);
  const text = await response.text();
  expect([response.status, JSON.parse(text)]).toEqual([
    201,
    expect.objectContaining({ name: "AWS Production Access", secret_type: "s3", auth_method: "s3_access_key" }),
  ]);
  expect(text).not.toContain("AKIA");
  expect(text).not.toContain("credentials");
  expect(await ravenFailure(coffer, path, init)).toMatchObject({ status: 409 });
});

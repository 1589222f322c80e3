// Several coffers that start at the same moment on one empty database: one deployment, one workspace, one token.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClients } from "../support/coffer.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/poll.ts";
import { useProcesses } from "../support/processes.ts";
import { data, present } from "../support/secrets.ts";

const processes = useProcesses();
let place: TestDatabase;
beforeAll(async () => {
  place = await createTestDatabase("template0");
});
afterAll(() => place.drop());

async function countOf(table: string): Promise<number> {
  const client = new Client(place.url);
  await client.connect();
  const { rows } = await client.query(`select count(*)::int as count from ${table}`);
  await client.end();
  return rows[0].count;
}

describe("three coffers that start at once on one empty database", () => {
  it("make one deployment, one workspace and one token, which works at each of them", async () => {
    const keyFile = join(processes.newDir(), "root.key");
    writeFileSync(keyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
    const dirs = [processes.newDir(), processes.newDir(), processes.newDir()];
    const servings = await Promise.all(
      dirs.map((dir) =>
        processes.serve({ COFFER_DATA_DIR: dir, COFFER_DATABASE_URL: place.url, COFFER_ROOT_KEY_FILE: keyFile }),
      ),
    );
    for (const table of ["deployment", "workspace", "principal", "api_token", "kms_key"]) {
      expect([table, await countOf(table)]).toEqual([table, 1]);
    }
    const tokenFiles = dirs.map((dir) => join(dir, "owner-token")).filter(existsSync);
    expect(tokenFiles).toHaveLength(1);
    const token = readFileSync(tokenFiles[0] as string, "utf8").trim();
    const [tokenFile = ""] = tokenFiles;
    await until("it says where it is", async () => servings.some((serving) => serving.stdout().includes(tokenFile)));
    expect(servings.filter((serving) => serving.stdout().includes(tokenFile))).toHaveLength(1);

    const [first, ...others] = servings.map(({ url }) => createClients(url, token).secrets);
    const { secret } = await present(first).createSecret({ name: "shared", value: data("value") });
    for (const { getSecretValue } of others) {
      const { value } = await getSecretValue({ secret: { case: "id", value: present(secret).id } });
      expect(value).toMatchObject({ case: "data", value: new TextEncoder().encode("value") });
    }
    for (const ended of await Promise.all(servings.map(({ stop }) => stop()))) {
      expect(ended).toMatchObject({ code: 0, stderr: "" });
    }
  });
});

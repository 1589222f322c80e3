// kill -9 in the middle of thousands of creates: every acknowledged secret reads back, and every retry ends as exactly one secret.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { copyDirectory } from "../embedded/harness.ts";
import { inParallel, valuesOf } from "../support/parallel.ts";
import { type Serving, useProcesses } from "../support/processes.ts";
import { problemsOfKeys, problemsOfValues, type Seen } from "./checks.ts";
import { createWithKey, readValues, valueFor } from "./scenarios.ts";

const concurrency = 32;
const processes = useProcesses();
const serve = (dataDir: string) =>
  processes.serve({
    COFFER_DATA_DIR: dataDir,
    COFFER_LOG_FORMAT: "json",
    COFFER_DATABASE_POOL_SIZE: String(concurrency),
    COFFER_RATE_LIMIT_PRINCIPAL: "1000000",
    COFFER_RATE_LIMIT_WORKSPACE: "1000000",
  });

let template = "";
beforeAll(async () => {
  template = join(processes.newDir(), "data");
  await (await serve(template)).stop();
});

const postmasterPid = (dataDir: string) =>
  Number(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[0]);

/** Creates until half of the keys are acknowledged, then kills in the middle of the others. */
async function killAmidCreates(dataDir: string, keys: readonly string[], kill: (serving: Serving) => Promise<unknown>) {
  const serving = await serve(dataDir);
  const { secrets } = processes.ownerClients(serving, dataDir);
  let acknowledged = 0;
  let killing: Promise<unknown> | undefined;
  const results = await inParallel(keys.length, concurrency, async (index) => {
    // Do not send the rest to a dead process.
    if (killing) throw new Error("not sent");
    const seen = await createWithKey(secrets, keys[index] as string);
    if (++acknowledged === keys.length / 2) killing = kill(serving);
    return seen;
  });
  await killing;
  return valuesOf(results);
}

async function listAll(secrets: ReturnType<typeof processes.ownerClients>["secrets"]): Promise<Seen[]> {
  const rows: Seen[] = [];
  let pageToken = "";
  do {
    const page = await secrets.listSecrets({ pageSize: 1_000, pageToken });
    rows.push(...page.secrets.map(({ id, description }) => ({ key: description, id })));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return rows;
}

describe("after kill -9", () => {
  it.each<[string, number, (dataDir: string) => (serving: Serving) => Promise<unknown>]>([
    ["of coffer in the middle of 2,000 creates", 2_000, () => (serving) => serving.kill()],
    [
      "of coffer and its Postgres in the middle of 1,000 creates",
      1_000,
      (dataDir) => (serving) => {
        process.kill(postmasterPid(dataDir), "SIGKILL");
        return serving.kill();
      },
    ],
  ])(
    "%s, nothing acknowledged is lost, and retries make exactly one secret each",
    async (_of, total, killOf) => {
      const keys = Array.from({ length: total }, (_, index) => `create-${index}`);
      const dataDir = join(processes.newDir(), "data");
      copyDirectory(template, dataDir);
      const acknowledged = await killAmidCreates(dataDir, keys, killOf(dataDir));
      expect(acknowledged.length).toBeGreaterThanOrEqual(total / 2);
      expect(acknowledged.length).toBeLessThan(total);

      const serving = await serve(dataDir);
      const { secrets } = processes.ownerClients(serving, dataDir);
      const known = new Set(acknowledged.map(({ key }) => key));
      expect(problemsOfKeys({ keys: known, answers: acknowledged, rows: await listAll(secrets) })).toEqual([]);

      // All of which nothing is known, and some that are known already.
      const again = keys.filter((key, index) => !known.has(key) || index % 20 === 0);
      const retried = valuesOf(
        await inParallel(again.length, concurrency, (index) => createWithKey(secrets, again[index] as string)),
      );
      expect(retried).toHaveLength(again.length);
      const answers = [...acknowledged, ...retried];
      expect(problemsOfKeys({ keys, answers, rows: await listAll(secrets) })).toEqual([]);
      const all = new Map(answers.map(({ key, id }) => [id, valueFor(key)]));
      expect(problemsOfValues(all, await readValues(secrets, [...all.keys()]))).toEqual([]);
      expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
    },
    60_000,
  );
});

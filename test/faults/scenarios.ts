// Shared by the tests of faults: creates whose idempotency key can be read from the row, and the rows that are stored.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { TestCoffer } from "../support/coffer.ts";
import { inParallel } from "../support/parallel.ts";
import { byId, present } from "../support/secrets.ts";
import type { Seen } from "./checks.ts";

type Secrets = Pick<ReturnType<TestCoffer["clients"]>["secrets"], "createSecret" | "batchGetSecretValues">;

/** Bytes that belong to a key alone. */
export function valueFor(key: string): Uint8Array {
  return createHash("sha512").update(key).digest();
}

/** Creates a secret under an idempotency key, which its description tells. */
export async function createWithKey(secrets: Secrets, key: string, name = key): Promise<Seen> {
  const { secret } = await secrets.createSecret(
    { name, description: key, value: { case: "data", value: valueFor(key) } },
    { headers: { "idempotency-key": key } },
  );
  return { key, id: present(secret).id };
}

/** The secrets that are there, with the keys that made them. */
export async function storedKeys(coffer: Pick<TestCoffer, "sql">): Promise<Seen[]> {
  const rows = await coffer.sql("select description, secret_id from secret");
  return rows.map((row) => ({ key: String(row["description"]), id: String(row["secret_id"]) }));
}

export async function activePaths(coffer: Pick<TestCoffer, "sql">): Promise<string[]> {
  return (await coffer.sql("select path from secret where state = 'ACTIVE'")).map(({ path }) => String(path));
}

const batchSize = 100;

/** The values of these secrets, as far as they can be read. */
export async function readValues(secrets: Secrets, ids: readonly string[]): Promise<Map<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  await inParallel(Math.ceil(ids.length / batchSize), 4, async (batch) => {
    const requests = ids.slice(batch * batchSize, (batch + 1) * batchSize).map(byId);
    const { results } = await secrets.batchGetSecretValues({ requests });
    for (const { result } of results) {
      if (result.case === "value" && result.value.value.case === "data") {
        values.set(result.value.secretId, result.value.value.value);
      }
    }
  });
  return values;
}

/** Retries like a careful client: the same call, as long as the answer is UNAVAILABLE. */
export async function retryWhileUnavailable<T>(call: () => Promise<T>, attemptsMax = 100): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unavailable || attempt === attemptsMax) throw error;
      await sleep(20);
    }
  }
}

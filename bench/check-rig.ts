// Before anything is measured: the floor and coffer give the same value for the same id.
import type { Rig } from "./rig.ts";
import { seededPayloadSizeBytes } from "./seed-rows.ts";

export async function checkRig({ floor, coffer, seeded }: Rig): Promise<void> {
  const { hotId, ownerToken } = seeded;
  const [expected, actual] = await Promise.all([
    dataOf(`http://127.0.0.1:${floor.port}/value/${hotId}`, {}),
    dataOf(`http://127.0.0.1:${coffer.port}/coffer.v1.SecretService/GetSecretValue`, {
      method: "POST",
      headers: { authorization: `Bearer ${ownerToken}`, "content-type": "application/json" },
      body: JSON.stringify({ id: hotId }),
    }),
  ]);
  if (expected.byteLength !== seededPayloadSizeBytes || !expected.equals(actual)) {
    throw new Error("the floor and coffer answer with different values");
  }
}

async function dataOf(url: string, init: RequestInit): Promise<Buffer> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${text}`);
  return Buffer.from((JSON.parse(text) as { data: string }).data, "base64");
}

// Gives the hot secret more versions, over the API, all with its value.
import type { Target } from "./rig.ts";
import type { Seeded } from "./seed.ts";

/** `versions` in all. */
export async function addHotVersions({ port }: Target, { hotId, ownerToken }: Seeded, versions: number): Promise<void> {
  const call = async (rpc: string, message: object) => {
    const response = await fetch(`http://127.0.0.1:${port}/coffer.v1.SecretService/${rpc}`, {
      method: "POST",
      headers: { authorization: `Bearer ${ownerToken}`, "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    if (!response.ok) throw new Error(`${rpc} answers ${response.status}: ${await response.text()}`);
    return (await response.json()) as { data: string };
  };
  const { data } = await call("GetSecretValue", { id: hotId });
  for (let version = 2; version <= versions; version++) await call("AddSecretVersion", { id: hotId, data });
}

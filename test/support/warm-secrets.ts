// Secrets whose values two instances have returned many times, and every way to ask for them.
import { afterAll, beforeAll, expect } from "vitest";
import { startCoffer, type TestCoffer } from "./coffer.ts";
import { createKey } from "./keys.ts";
import { addVersion, createSecret, data, newName } from "./secrets.ts";
import { dropRefusals } from "./tampering.ts";

export interface Victim {
  id: string;
  versionId: string;
  name: string;
  keyId: string;
  /** The value of its current version, 2. */
  text: string;
}

export interface Way {
  path: string;
  json?: object;
}

/** Ways to ask for version 2 that do not depend on which version is the current one. */
export function waysByVersion({ id, versionId }: Victim): Way[] {
  const access = (version: string) => ({ path: `/v1/secrets/${id}/versions/${version}:access` });
  return [{ path: rpc, json: { id, version: "2" } }, access("live"), access(versionId)];
}

const rpc = "/coffer.v1.SecretService/GetSecretValue";

/** Every way to ask for the current version. */
function waysTo(victim: Victim): Way[] {
  const { id, name } = victim;
  return [
    ...waysByVersion(victim),
    ...[{ id }, { id, version: "live" }, { name }].map((json) => ({ path: rpc, json })),
    { path: `/v1/secrets/${id}/versions/latest:access` },
  ];
}

export interface WarmSecrets {
  /** The first of two instances, whose database refuses no change by SQL. */
  coffer: TestCoffer;
  /** A secret under a key of its own, with two versions, an alias and an end, whose current value every instance has returned. */
  create(): Promise<Victim>;
  /** Reads the current value several times, and expects it. */
  warm(victim: Victim): Promise<void>;
  /** Returns for each instance and way the value, or the reason for which there is none. */
  outcomes(victim: Victim, ways?: Way[]): Promise<Set<string>>;
}

export function useWarmSecrets(): WarmSecrets {
  const coffer = {} as TestCoffer;
  let instances: TestCoffer[] = [];
  beforeAll(async () => {
    Object.assign(coffer, await startCoffer());
    instances = [coffer, await startCoffer({ besides: coffer })];
    await dropRefusals(coffer);
  });
  afterAll(async () => {
    for (const instance of instances.toReversed()) await instance.close();
  });

  async function create(): Promise<Victim> {
    const key = await createKey(coffer);
    const name = newName("app/victim");
    const expiration = { case: "ttl", value: { seconds: 3600n } } as const;
    const secret = await createSecret(coffer, { name, kmsKeyId: key.id, value: data(`${name} v1`), expiration });
    const { id: versionId } = await addVersion(coffer, secret, `${name} v2`);
    await coffer.clients().secrets.updateSecret({ secret: { id: secret.id, versionAliases: { live: 2 } } });
    const victim = { id: secret.id, versionId, name, keyId: key.id, text: `${name} v2` };
    await warm(victim);
    return victim;
  }

  async function warm(victim: Victim): Promise<void> {
    for (let times = 0; times < 3; times++) expect(await outcomes(victim)).toEqual(new Set([victim.text]));
  }

  async function outcomes(victim: Victim, ways = waysTo(victim)): Promise<Set<string>> {
    const reads = instances.flatMap((instance) => ways.map((way) => outcome(instance, way)));
    return new Set(await Promise.all(reads));
  }

  return { coffer, create, warm, outcomes };
}

async function outcome(instance: TestCoffer, { path, json }: Way): Promise<string> {
  const response = await instance.fetch(path, { method: "POST", ...(json && { json }) });
  const body = await response.text();
  if (!response.ok) return /"reason":\s*"(\w+)"/.exec(body)?.[1] ?? body;
  const { data: encoded, value } = JSON.parse(body) as { data?: string; value?: string };
  return encoded === undefined ? String(value) : Buffer.from(encoded, "base64").toString();
}

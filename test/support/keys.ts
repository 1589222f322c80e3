// Fixtures for keys: an existing key, and secrets under it.
import type { CreateKeyRequestSchema, Key } from "../../gen/coffer/v1/key_service_pb.ts";
import type { TestCoffer } from "./coffer.ts";
import { createSecret, type Init, newName, present } from "./secrets.ts";

export type KeyInit = Init<typeof CreateKeyRequestSchema>;

/** An id of the right form that nothing has. */
export const unknownKeyId = "kms_01jzzzzzzzzzzzzzzzzzzzzzzz";

/** A key with a name of its own, unless told otherwise. */
export async function createKey(coffer: TestCoffer, init: KeyInit = {}, token?: string): Promise<Key> {
  return present((await coffer.clients(token).keys.createKey({ name: newName("key"), ...init })).key);
}

export async function getKey(coffer: TestCoffer, { id }: { id: string }): Promise<Key> {
  return present((await coffer.clients().keys.getKey({ id })).key);
}

export function createSecretsUnder(coffer: TestCoffer, { id }: Key, count: number) {
  return Promise.all(Array.from({ length: count }, () => createSecret(coffer, { kmsKeyId: id })));
}

/** The versions of the key that any version of a secret refers to. */
export async function keyVersionsInUse(coffer: TestCoffer, { id }: Key): Promise<unknown[]> {
  const rows = await coffer.sql(
    "select distinct kms_key_version as version from secret_version where kms_key_id = $1 and envelope is not null order by 1",
    [id],
  );
  return rows.map(({ version }) => version);
}

/** The time has come at which a job destroys it. */
export async function makeDestructionDue(coffer: TestCoffer, { id }: Key): Promise<void> {
  await coffer.clients().keys.scheduleKeyDestruction({ id });
  await coffer.sql("update kms_key set scheduled_destroy_time = now() where kms_key_id = $1", [id]);
}

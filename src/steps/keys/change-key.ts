// What all changes of a key have in common: locked, authentic, not destroyed, and under a new MAC afterwards.

import type { Grant } from "../../domain/access/grant.ts";
import type { Permission } from "../../domain/access/permission.ts";
import { checkKeyNotDestroyed, type KmsKeyRecord, keyNotFound } from "../../domain/key/kms-key.ts";
import { checkEtag } from "../../domain/secret/secret.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { checkAuthentic, coveredOfKmsKey, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { wrapsSecrets } from "../../runtime/key-material.ts";
import { databaseNow } from "../../store/clock.ts";
import type { Tx } from "../../store/database.ts";
import { lockKeyRecord, updateKeyRecord } from "../../store/kms-key-records.ts";
import { type MutationDeps, type MutationResult, mutate } from "../mutation.ts";
import { findKeyOrFail } from "./find.ts";

export type ChangeKeyDeps = MutationDeps & Pick<Deps, "deploymentKeys">;

export interface ChangeKeyInput {
  kmsKeyId: string;
  etag: string | undefined;
}

/** What becomes different. */
export interface KeyChange
  extends Partial<
    Pick<
      KmsKeyRecord,
      "name" | "description" | "labels" | "annotations" | "rotationPeriodDays" | "state" | "primaryVersion"
    >
  > {
  /** With the state PENDING_DESTRUCTION: so many milliseconds from now by the database's clock. */
  destroyAfterMs?: number;
}

/**
 * Makes the change that `decide` says under the lock; undefined: the key stays as it is. `ahead` does before the transaction what takes
 * long. Fails with KEY_NOT_FOUND, ETAG_MISMATCH, KEY_DESTROYED, VALUE_CORRUPT and what `decide` and `ahead` fail with.
 */
export async function changeKey(
  deps: ChangeKeyDeps,
  caller: Caller,
  grant: Grant<Permission>,
  { kmsKeyId, etag }: ChangeKeyInput,
  decide: (key: KmsKeyRecord, tx: Tx) => Promise<KeyChange | undefined>,
  ahead: () => Promise<void> = async () => {},
): Promise<MutationResult<KmsKeyRecord>> {
  const { workspaceId } = grant;
  return mutate(deps, caller, {
    grant,
    async prepare() {
      await ahead();
      return { subject: { resourceType: "kms_key", resourceId: kmsKeyId } };
    },
    async apply(tx) {
      const key = await lockKeyRecord(tx, workspaceId, kmsKeyId);
      if (!key) throw keyNotFound(kmsKeyId);
      checkEtag(key, etag);
      // A new MAC must not vouch for what somebody has changed behind coffer's back.
      checkAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac);
      checkKeyNotDestroyed(key, await databaseNow(tx));
      const change = await decide(key, tx);
      if (!change) return key;
      const { destroyAfterMs, ...fields } = change;
      const next = { ...key, ...fields };
      const mac = macOf(deps.deploymentKeys, coveredOfKmsKey(next));
      return updateKeyRecord(tx, { ...next, mac }, { destroyAfterMs, wrapsSecrets: wrapsSecrets(key) });
    },
    replay: (sql, id): Promise<KmsKeyRecord> => findKeyOrFail(sql, workspaceId, id),
  });
}

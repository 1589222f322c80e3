// The common part of all changes of a key: lock the row, verify it, refuse a destroyed key, write a new MAC.

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

/** The changes of a key. */
export interface KeyChange
  extends Partial<
    Pick<
      KmsKeyRecord,
      "name" | "description" | "labels" | "annotations" | "rotationPeriodDays" | "state" | "primaryVersion"
    >
  > {
  /** For PENDING_DESTRUCTION: the milliseconds from now, by the database's clock. */
  destroyAfterMs?: number;
}

/**
 * Applies the change that `decide` returns under the lock; undefined: no change. `ahead` does slow work before the transaction.
 * Fails with KEY_NOT_FOUND, ETAG_MISMATCH, KEY_DESTROYED, VALUE_CORRUPT and as `decide` and `ahead` do.
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
      // A new MAC must not make a row valid that SQL has changed.
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

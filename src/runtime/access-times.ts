// Stores when values were last returned and tokens last used, after the answers.
import { setTimeout as sleep } from "node:timers/promises";
import type { SecretVersion } from "../domain/secret/version.ts";
import type { Sql } from "../store/database.ts";
import {
  type Ago,
  touchSecretsAccessed,
  touchTokensUsed,
  touchVersionsAccessed,
  type UsedSecret,
  type UsedVersion,
} from "../store/last-times.ts";
import { createLastTimes, type LastTimesOptions } from "./last-times.ts";

export interface AccessTimes {
  /** The value of this version was returned. */
  touch(secret: UsedSecret, version: Pick<SecretVersion, "versionId" | "versionNumber">): void;
  touchToken(tokenId: string): void;
  /** Writes the pending times, and gives up after two seconds, because the stop of the process waits for it. */
  flush(): Promise<void>;
}

const flushMsMax = 2_000;

export function createAccessTimes(sql: Sql, options: LastTimesOptions): AccessTimes {
  const versions = createLastTimes<UsedVersion>(async (used) => {
    // Not in one transaction: it could lock the rows in another order than a change of a version does.
    await Promise.all([touchVersionsAccessed(sql, used), touchSecretsAccessed(sql, secretsOf(used))]);
  }, options);
  const tokens = createLastTimes<string>((used) => touchTokensUsed(sql, used), options);
  return {
    touch({ workspaceId, secretId }, { versionId, versionNumber }) {
      versions.note(versionId, { workspaceId, secretId, versionNumber });
    },
    touchToken: (tokenId) => tokens.note(tokenId, tokenId),
    async flush() {
      const done = new AbortController();
      const tooLate = sleep(flushMsMax, undefined, { signal: done.signal }).catch(() => {});
      await Promise.race([Promise.all([versions.flush(), tokens.flush()]), tooLate]);
      done.abort();
    },
  };
}

/** Returns each secret once with its latest use, in the order of their ids, in which every instance locks them. */
function secretsOf(versions: readonly Ago<UsedVersion>[]): Ago<UsedSecret>[] {
  const latest = new Map<string, Ago<UsedSecret>>();
  for (const used of versions) {
    const known = latest.get(used.item.secretId);
    if (!known || used.agoMs < known.agoMs) latest.set(used.item.secretId, used);
  }
  return [...latest.values()].sort((a, b) => (a.item.secretId < b.item.secretId ? -1 : 1));
}

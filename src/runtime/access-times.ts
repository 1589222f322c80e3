// Stores when values were last returned and tokens last used, many in one statement and after the answers.
import { setTimeout as sleep } from "node:timers/promises";
import type { SecretVersion } from "../domain/secret/version.ts";
import { touchUsed } from "../store/api-tokens.ts";
import type { Sql } from "../store/database.ts";
import { touchAccessed } from "../store/secrets.ts";
import { touchVersionsAccessed } from "../store/versions.ts";
import { createWriteBehind } from "./write-behind.ts";

type AccessedVersion = Pick<SecretVersion, "workspaceId" | "secretId" | "versionNumber">;

export interface AccessTimes {
  /** The value of this version was returned. */
  touch(version: AccessedVersion): void;
  touchToken(tokenId: string): void;
  /** Writes the pending times, and gives up after two seconds, because the stop of the process waits for it. */
  flush(): Promise<void>;
}

/** Stored times are late by this and by the duration of the statement: two seconds at most. */
const valuesDelayMs = 1_000;
/** The row of a busy token is written once in this time, so its time is late by five seconds at most. */
const tokensDelayMs = 4_000;
const flushMsMax = 2_000;

/** A crash may lose some of these times; the audit trail has every use. `onLost` is called with the error of a failed write. */
export function createAccessTimes(sql: Sql, onLost: (error: unknown) => void): AccessTimes {
  const secrets = createWriteBehind<Omit<AccessedVersion, "versionNumber">>({
    delayMs: valuesDelayMs,
    write: (items) => touchAccessed(sql, items),
    onLost,
  });
  // Not in one transaction with the secrets: it could lock the rows in another order than a change of a version does.
  const versions = createWriteBehind<AccessedVersion>({
    delayMs: valuesDelayMs,
    write: (items) => touchVersionsAccessed(sql, items),
    onLost,
  });
  const tokens = createWriteBehind<string>({
    delayMs: tokensDelayMs,
    write: (ids) => touchUsed(sql, ids),
    onLost,
  });
  return {
    touch({ workspaceId, secretId, versionNumber }) {
      const secretKey = `${workspaceId} ${secretId}`;
      secrets.add(secretKey, { workspaceId, secretId });
      versions.add(`${secretKey} ${versionNumber}`, { workspaceId, secretId, versionNumber });
    },
    touchToken: (tokenId) => tokens.add(tokenId, tokenId),
    async flush() {
      const done = new AbortController();
      const tooLate = sleep(flushMsMax, undefined, { signal: done.signal }).catch(() => {});
      await Promise.race([Promise.all([secrets.flush(), versions.flush(), tokens.flush()]), tooLate]);
      done.abort();
    },
  };
}

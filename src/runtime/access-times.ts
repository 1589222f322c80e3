// When values were last returned, and tokens last used: noted behind the answers, never a write for a call.
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
  /** Writes what is still to be written, as far as that takes no longer than two seconds: a stop waits for it. */
  flush(): Promise<void>;
}

/** They are late by this and by what the statements take, two seconds at most. */
const valuesDelayMs = 1_000;
/** A busy token costs a write of its row so often; it is late by that and by what the statement takes, five seconds at most. */
const tokensDelayMs = 4_000;
const flushMsMax = 2_000;

/** Losing some of these times at a crash is no harm: the audit trail has what matters. `onLost` hears of it. */
export function createAccessTimes(sql: Sql, onLost: (error: unknown) => void): AccessTimes {
  const secrets = createWriteBehind<Omit<AccessedVersion, "versionNumber">>({
    delayMs: valuesDelayMs,
    write: (items) => touchAccessed(sql, items),
    onLost,
  });
  // Apart from the secrets: in one transaction the two could lock rows in another order than those who change a version.
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

// When values were last returned, and tokens last used: noted behind the answers, never a write for a call.
import { setTimeout as sleep } from "node:timers/promises";
import { touchUsed } from "../store/api-tokens.ts";
import type { Sql } from "../store/database.ts";
import { touchAccessed } from "../store/secrets.ts";
import { createWriteBehind } from "./write-behind.ts";

export interface AccessTimes {
  touch(secret: { workspaceId: string; secretId: string }): void;
  touchToken(tokenId: string): void;
  /** Writes what is still to be written, as far as that takes no longer than two seconds: a stop waits for it. */
  flush(): Promise<void>;
}

const secretsDelayMs = 1_000;
/** A busy token costs a write of its row so often; it is late by that and by what the statement takes, five seconds at most. */
const tokensDelayMs = 4_000;
const flushMsMax = 2_000;

/** Losing some of these times at a crash is no harm: the audit trail has what matters. `onLost` hears of it. */
export function createAccessTimes(sql: Sql, onLost: (error: unknown) => void): AccessTimes {
  const secrets = createWriteBehind<{ workspaceId: string; secretId: string }>({
    delayMs: secretsDelayMs,
    write: (items) => touchAccessed(sql, items),
    onLost,
  });
  const tokens = createWriteBehind<string>({
    delayMs: tokensDelayMs,
    write: (ids) => touchUsed(sql, ids),
    onLost,
  });
  return {
    touch: ({ workspaceId, secretId }) => secrets.add(`${workspaceId} ${secretId}`, { workspaceId, secretId }),
    touchToken: (tokenId) => tokens.add(tokenId, tokenId),
    async flush() {
      const done = new AbortController();
      const tooLate = sleep(flushMsMax, undefined, { signal: done.signal }).catch(() => {});
      await Promise.race([Promise.all([secrets.flush(), tokens.flush()]), tooLate]);
      done.abort();
    },
  };
}

// When values were last returned: noted behind the answers, in one statement a second.
import type { Sql } from "../store/database.ts";
import { touchAccessed } from "../store/secrets.ts";

export interface AccessTimes {
  touch(secret: { workspaceId: string; secretId: string }): void;
  /** Writes what is still to be written. */
  flush(): Promise<void>;
}

const delayMs = 1_000;
const secretsPerStatementMax = 1_000;

/** Losing some of these times at a crash is no harm: the audit trail has them. `onLost` hears of it. */
export function createAccessTimes(sql: Sql, onLost: (error: unknown) => void): AccessTimes {
  const touched = new Map<string, { workspaceId: string; secretId: string }>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    // In one order everywhere, so that two instances never wait for each other in a circle.
    const secrets = [...touched.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, secret]) => secret);
    touched.clear();
    for (let start = 0; start < secrets.length; start += secretsPerStatementMax) {
      await touchAccessed(sql, secrets.slice(start, start + secretsPerStatementMax)).catch(onLost);
    }
  }

  return {
    touch({ workspaceId, secretId }) {
      touched.set(`${workspaceId} ${secretId}`, { workspaceId, secretId });
      timer ??= setTimeout(() => void flush(), delayMs).unref();
    },
    flush,
  };
}

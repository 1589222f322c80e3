// The idempotency fast path: Redis may say "already done, look there", and nothing depends on it.
import { createHmac } from "node:crypto";
import type { Sensitive } from "../domain/sensitive.ts";
import type { RedisConnection } from "./connection.ts";

/** What names an idempotent call. */
interface Scope {
  workspaceId: string;
  principalId: string;
  method: string;
  key: string;
}

export interface IdempotencyHints {
  /** Whether the call may have been made already; a wrong answer costs time, nothing else. */
  has(scope: Scope): Promise<boolean>;
  /** Says, behind the answer, that it has. */
  add(scope: Scope): void;
}

const keptSeconds = 24 * 3600;

/** Hints in Redis, under names that tell nothing: an HMAC of the scope. */
export function createRedisHints(redis: RedisConnection, prefix: string, nameKey: Sensitive): IdempotencyHints {
  const nameOf = (scope: Scope) => {
    const fields = JSON.stringify([scope.workspaceId, scope.principalId, scope.method, scope.key]);
    return `${prefix}:idem:${createHmac("sha256", nameKey.reveal()).update(fields).digest("base64url")}`;
  };
  return {
    has: (scope) =>
      redis.run(
        async (client) => (await client.exists(nameOf(scope))) === 1,
        () => false,
      ),
    add(scope) {
      void redis.run<unknown>(
        (client) => client.set(nameOf(scope), "1", "EX", keptSeconds),
        () => undefined,
      );
    },
  };
}

/** Without Redis every call asks Postgres, which knows. */
export const noHints: IdempotencyHints = {
  has: () => Promise.resolve(false),
  add: () => {},
};

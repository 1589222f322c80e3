// The idempotency fast path: Redis tells that a call may be a replay. Correctness does not depend on it.
import { createHmac } from "node:crypto";
import type { Sensitive } from "../domain/sensitive.ts";
import type { RedisConnection } from "./connection.ts";

/** Identifies an idempotent call. */
interface Scope {
  workspaceId: string;
  principalId: string;
  method: string;
  key: string;
}

export interface IdempotencyHints {
  /** Whether the call may be a replay. A wrong answer only costs time. */
  has(scope: Scope): Promise<boolean>;
  /** Remembers the call. Does not delay the answer. */
  add(scope: Scope): void;
}

const keptSeconds = 24 * 3600;

/** Stores hints in Redis. Their keys are HMACs, which reveal nothing. */
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

/** Without Redis every call asks PostgreSQL, which decides. */
export const noHints: IdempotencyHints = {
  has: () => Promise.resolve(false),
  add: () => {},
};

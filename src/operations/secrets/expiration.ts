// When secrets expire: ahead of now by the database's clock, and within what a timestamp can say.
import { invalidField } from "../../domain/errors.ts";
import type { Expiration, Secret } from "../../domain/secret.ts";

// google.protobuf.Timestamp ends with the year 9999; a ttl of a thousand years stays well before that.
const ttlMsMax = 1000 * 365 * 24 * 3_600_000;
const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59);

export function checkExpiration(expiration: Expiration | undefined, field = "expire_time"): void {
  if (!expiration) return;
  if ("afterMs" in expiration) {
    const { afterMs } = expiration;
    if (!(afterMs >= 1 && afterMs <= ttlMsMax)) throw invalidField("ttl", "must be from a millisecond to 1000 years");
    return;
  }
  const time = expiration.at.getTime();
  // Not a number for what no calendar has; Postgres does not take every time before 1970 either.
  if (!(time >= 0 && time <= lastTime)) throw invalidField(field, "must lie ahead, and before the year 10000");
}

/** Fails when a secret that was just written has expired already. */
export function checkExpiresLater(secret: Pick<Secret, "expireTime" | "updateTime">, field = "expire_time"): void {
  if (secret.expireTime && secret.expireTime <= secret.updateTime) throw invalidField(field, "must lie ahead");
}

// Checks and computes expire times: in the future by the database's clock, and within the range of a timestamp.
import { invalidField } from "../../domain/error/errors.ts";
import type { Expiration } from "../../domain/secret/secret.ts";

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
  // NaN for a date that does not exist. Postgres does not accept every time before 1970.
  if (!(time >= 0 && time <= lastTime)) throw invalidField(field, "must be in the future, and before the year 10000");
}

/** `now` is by the database's clock. */
export function checkExpiresLater(expireTime: Date, now: Date, field = "expire_time"): void {
  if (expireTime <= now) throw invalidField(field, "must be in the future");
}

/** Returns the expire time, which must be later than `now` by the database's clock. Fails with FIELD_INVALID. */
export function expireTimeOf(expiration: Expiration, now: Date): Date {
  const expireTime = "at" in expiration ? expiration.at : new Date(now.getTime() + expiration.afterMs);
  checkExpiresLater(expireTime, now);
  return expireTime;
}

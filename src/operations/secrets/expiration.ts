// When secrets expire: ahead of now by the database's clock, and within what a timestamp can say.
import { invalidField } from "../../domain/errors.ts";
import type { Expiration, Secret } from "../../domain/secret.ts";

// google.protobuf.Timestamp ends with the year 9999; a ttl of a thousand years stays well before that.
const ttlMsMax = 1000 * 365 * 24 * 3_600_000;
const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59);

export function checkExpiration(expiration: Expiration | undefined): void {
  if (!expiration) return;
  if ("afterMs" in expiration && expiration.afterMs > ttlMsMax) throw invalidField("ttl", "must be at most 1000 years");
  if ("at" in expiration && expiration.at.getTime() > lastTime) throw invalidField("expire_time", "is too far ahead");
}

/** Fails when a secret that was just written has expired already. */
export function checkExpiresLater(secret: Pick<Secret, "expireTime" | "updateTime">, field = "expire_time"): void {
  if (secret.expireTime && secret.expireTime <= secret.updateTime) throw invalidField(field, "must lie ahead");
}

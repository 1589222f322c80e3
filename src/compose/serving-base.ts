// Opens the parts that the API and the egress proxy have in common, each with its closing.
import { type Base, openBase } from "../base/base.ts";
import type { Config } from "../config/config.ts";
import type { Keyring } from "../envelope/keyring.ts";
import { createExternalVaults } from "../external-vault/external-vaults.ts";
import { connectRedis, type RedisConnection } from "../redis/connection.ts";
import { createAuditTrail } from "../runtime/audit-trail.ts";
import type { Deps } from "../runtime/deps.ts";
import { createKeyMaterial } from "../runtime/key-material.ts";
import { createSealingKeys } from "../runtime/sealing-keys.ts";
import { createSharedLookups } from "../runtime/shared-lookups.ts";
import { accessChannel } from "../store/access-rules.ts";
import { revocationChannel } from "../store/api-tokens.ts";
import type { Database } from "../store/database.ts";
import { keyDestroyedChannel } from "../store/due-keys.ts";
import { listen } from "../store/listen.ts";
import type { Logger } from "./log.ts";

export type ServingBase = Base & Pick<Deps, "keyMaterial" | "keyLookups" | "sealingKeys" | "audit" | "externalVaults">;

/** Fails with a StartupError when the keyring does not fit the database. */
export async function openServingBase(
  closing: AsyncDisposableStack,
  { config, database, keyring }: { config: Config; database: Database; keyring: Keyring },
): Promise<ServingBase> {
  const base = await openBase({ database, keyring, regions: config.regions });
  const audit = closing.adopt(createAuditTrail(database), (trail) => trail.drain());
  return {
    ...base,
    audit,
    keyMaterial: createKeyMaterial(base),
    keyLookups: createSharedLookups(),
    sealingKeys: createSealingKeys(),
    externalVaults: createExternalVaults(config.vaults, { now: base.now, nowMs: () => performance.now() }),
  };
}

/** Empties caches when another instance changes the rows behind them. The proxy has only key material in memory. */
export function followChanges(
  closing: AsyncDisposableStack,
  { database, keyMaterial }: Pick<Deps, "database" | "keyMaterial">,
  caches?: Pick<Deps, "tokenCache" | "accessRules" | "openedVersions">,
): void {
  const channels = {
    [keyDestroyedChannel](kmsKeyId: string) {
      keyMaterial.drop(kmsKeyId);
      caches?.openedVersions.dropKey(kmsKeyId);
    },
    ...(caches && { [revocationChannel]: caches.tokenCache.drop, [accessChannel]: caches.accessRules.drop }),
  };
  const notifications = listen(database, channels, {
    onListening() {
      caches?.tokenCache.clear();
      caches?.accessRules.clear();
      keyMaterial.keepFromNow();
      caches?.openedVersions.keepFromNow();
    },
    // The other caches look their rows up again within five seconds.
    onLost() {
      keyMaterial.keepNothing();
      caches?.openedVersions.keepNothing();
    },
  });
  closing.defer(() => notifications.close());
}

/** Returns undefined when no Redis is configured. */
export function openRedis(closing: AsyncDisposableStack, config: Config, log: Logger): RedisConnection | undefined {
  if (config.redisUrl === undefined) return undefined;
  let wasRefusing = false;
  const redis = connectRedis(config.redisUrl, {
    password: config.redisPassword,
    sentinelPassword: config.redisSentinelPassword,
    prefix: config.redisPrefix,
    onStateChange(state) {
      if (state.is === "up") {
        log.info(wasRefusing ? "redis works again" : "redis is connected");
      } else {
        const what = state.is === "down" ? "is unavailable" : "refuses commands";
        log.warn({ cause: state.cause }, `redis ${what}; this instance counts limits for itself`);
      }
      wasRefusing = state.is === "refusing";
    },
  });
  return closing.adopt(redis, (connection) => connection.close());
}

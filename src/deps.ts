// What operations work with; each takes the part it needs.
import type { RandomBytes } from "./domain/random.ts";
import type { DeploymentKeys } from "./envelope/deployment-keys.ts";
import type { Keyring } from "./envelope/keyring.ts";
import type { ExternalVaults } from "./external-vault/external-vaults.ts";
import type { AccessRules } from "./operations/access/access-rules.ts";
import type { AccessTimes } from "./operations/access-times.ts";
import type { AuditTrail } from "./operations/audit-trail.ts";
import type { ValidationQueue } from "./operations/credentials/validation-queue.ts";
import type { KeyMaterial } from "./operations/keys/key-material.ts";
import type { SharedLookups } from "./operations/keys/shared-lookups.ts";
import type { ValueReader } from "./operations/secrets/value-reader.ts";
import type { SingleFlight } from "./operations/single-flight.ts";
import type { JwtIdentities } from "./operations/tokens/jwt-identities.ts";
import type { TokenCache } from "./operations/tokens/token-cache.ts";
import type { Prober } from "./probes/prober.ts";
import type { IdempotencyHints } from "./redis/idempotency-hints.ts";
import type { Database } from "./store/database.ts";

export interface Deps {
  now: () => Date;
  random: RandomBytes;
  database: Database;
  keyring: Keyring;
  deploymentId: string;
  deploymentKeys: DeploymentKeys;
  /** Where secrets may be kept; the first is the default. */
  regions: readonly [string, ...string[]];
  keyMaterial: KeyMaterial;
  keyLookups: SharedLookups;
  valueReader: ValueReader;
  audit: AuditTrail;
  accessTimes: AccessTimes;
  accessRules: AccessRules;
  idempotencyHints: IdempotencyHints;
  singleFlight: SingleFlight;
  tokenCache: TokenCache;
  jwtIdentities: JwtIdentities;
  prober: Prober;
  externalVaults: ExternalVaults;
  validations: ValidationQueue;
}

// The dependencies of operations. Each operation takes those that it needs.
import type { ExternalVaults } from "../external-vault/external-vaults.ts";
import type { DatabasePort, DeploymentPort, RandomPort, RootKeyPort, TimePort } from "../ports.ts";
import type { Prober } from "../probes/prober.ts";
import type { IdempotencyHints } from "../redis/idempotency-hints.ts";
import type { AccessRules } from "./access-rules.ts";
import type { AccessTimes } from "./access-times.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { JwtIdentities } from "./jwt-identities.ts";
import type { KeyMaterial } from "./key-material.ts";
import type { OpenedVersions } from "./opened-versions.ts";
import type { SealingKeys } from "./sealing-keys.ts";
import type { SecretReader } from "./secret-reader.ts";
import type { SecretTexts } from "./secret-texts.ts";
import type { SecretWriter } from "./secret-writer.ts";
import type { SharedLookups } from "./shared-lookups.ts";
import type { SingleFlight } from "./single-flight.ts";
import type { TokenCache } from "./token-cache.ts";
import type { ValidationQueue } from "./validation-queue.ts";
import type { ValueReader } from "./value-reader.ts";

export interface Deps extends TimePort, RandomPort, DatabasePort, RootKeyPort, DeploymentPort {
  keyMaterial: KeyMaterial;
  keyLookups: SharedLookups;
  secretReader: SecretReader;
  secretTexts: SecretTexts;
  sealingKeys: SealingKeys;
  secretWriter: SecretWriter;
  valueReader: ValueReader;
  openedVersions: OpenedVersions;
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

// Many secrets at once: sealed and put under MACs by coffer's own functions, inserted by the thousand.

import type { Pool } from "pg";
import { newId } from "../src/domain/ids.ts";
import { pathOf } from "../src/domain/secret-name.ts";
import { seal } from "../src/envelope/envelope.ts";
import type { KeyVersion } from "../src/envelope/key-version.ts";
import { dataPayload } from "../src/envelope/payload.ts";
import { coveredOfSecret, coveredOfVersion, macOf } from "../src/integrity/row-macs.ts";
import type { Deps } from "../src/runtime/deps.ts";
import type { CoveredSecret } from "../src/store/rows/secret.ts";
import { type FloorSealed, floorSeal } from "./floor-table.ts";

export interface SeedKeys {
  deps: Deps;
  workspaceId: string;
  keyVersion: KeyVersion;
  floorKey: Uint8Array;
}

interface SeedRow {
  secretId: string;
  versionId: string;
  name: string;
  secretMac: Uint8Array;
  versionMac: Uint8Array;
  envelope: Buffer;
  floor: FloorSealed;
}

export const seededPayloadSizeBytes = 64;

export function sealRows(keys: SeedKeys, first: number, count: number): SeedRow[] {
  return Array.from({ length: count }, (_, offset) =>
    sealRow(keys, `seeded/${String(first + offset).padStart(8, "0")}`),
  );
}

function sealRow({ deps, workspaceId, keyVersion, floorKey }: SeedKeys, name: string): SeedRow {
  const [region] = deps.regions;
  const { kmsKeyId } = keyVersion;
  const secretId = newId("sec", deps.now(), deps.random);
  const versionId = newId("secv", deps.now(), deps.random);
  // Text, so that surfaces whose values are text can answer with it.
  const payload = Buffer.from(Buffer.from(deps.random(seededPayloadSizeBytes / 2)).toString("hex"));
  const context = { deploymentId: deps.deploymentId, workspaceId, secretId, versionNumber: 1 };
  const secret = {
    ...{ workspaceId, secretId, region, name, kmsKeyId, revealable: true },
    ...{ path: pathOf(name), storedState: "ACTIVE" as const, expireTime: undefined, accessPolicyText: undefined },
    ...{ versionAliases: {}, versionCount: 1, currentVersion: 1 },
  } as CoveredSecret;
  const version = {
    workspaceId,
    secretId,
    versionId,
    versionNumber: 1,
    state: "ENABLED",
    vaultConnectionId: undefined,
  } as const;
  return {
    secretId,
    versionId,
    name,
    secretMac: macOf(deps.deploymentKeys, coveredOfSecret(secret)),
    versionMac: macOf(deps.deploymentKeys, coveredOfVersion(version)),
    envelope: seal({ keyVersion, context, payload: dataPayload(payload), random: deps.random }),
    floor: floorSeal(floorKey, payload),
  };
}

export async function insertRows(pool: Pool, keys: SeedKeys, rows: readonly SeedRow[]): Promise<void> {
  const { deps, workspaceId, keyVersion } = keys;
  const column = <T>(of: (row: SeedRow) => T) => rows.map(of);
  const ids = column((row) => row.secretId);
  const names = column((row) => row.name);
  await pool.query({
    name: "seed_secrets",
    text: `insert into secret (
        workspace_id, secret_id, region, name, path, kind, description, labels, annotations, mime_type, state,
        version_aliases, version_count, enabled_version_count, current_version, kms_key_id, revealable, row_mac)
      select $1, r.id, $2, r.name, r.path, 'generic', '', '{}', '{}', '', 'ACTIVE', '{}', 1, 1, 1, $3, true, r.mac
      from unnest($4::text[], $5::text[], $6::text[], $7::bytea[]) as r (id, name, path, mac)`,
    values: [
      workspaceId,
      deps.regions[0],
      keyVersion.kmsKeyId,
      ids,
      names,
      names.map(pathOf),
      column((row) => Buffer.from(row.secretMac)),
    ],
  });
  await pool.query({
    name: "seed_versions",
    text: `insert into secret_version (
        workspace_id, secret_id, version_number, version_id, state, comment, payload_form, envelope, kms_key_id,
        kms_key_version, mac)
      select $1, r.id, 1, r.version_id, 'ENABLED', '', 'data', r.envelope, $2, $3, r.mac
      from unnest($4::text[], $5::text[], $6::bytea[], $7::bytea[]) as r (id, version_id, envelope, mac)`,
    values: [
      workspaceId,
      keyVersion.kmsKeyId,
      keyVersion.version,
      ids,
      column((row) => row.versionId),
      column((row) => row.envelope),
      column((row) => Buffer.from(row.versionMac)),
    ],
  });
  await pool.query({
    name: "seed_floor",
    text: `insert into floor_secret (id, name, nonce, ciphertext)
      select r.id, r.name, r.nonce, r.ciphertext
      from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) as r (id, name, nonce, ciphertext)`,
    values: [ids, names, column((row) => row.floor.nonce), column((row) => row.floor.ciphertext)],
  });
}

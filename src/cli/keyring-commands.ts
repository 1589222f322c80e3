// coffer keyring init, check, add, rotate.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Config } from "../config/config.ts";
import { StartupError } from "../domain/error/startup-error.ts";
import { createDataDir } from "../embedded/data-dir.ts";
import { openDeploymentKey } from "../envelope/deployment-keys.ts";
import { addRootKey, createKeyring, findAddedRootKey, loadKeyring, putRootKeyFirst } from "../envelope/keyring.ts";
import { rewrapRoots } from "../operations/keys/rewrap-roots.ts";
import { auditEvent } from "../runtime/audit-trail.ts";
import { checkRootKeys } from "../steps/deployment.ts";
import { insertAuditEvents } from "../store/audit-events.ts";
import { findDeployment } from "../store/deployment.ts";
import { countRootWraps } from "../store/kms-keys.ts";
import { type CommandDeps, withDatabase, withDeployment } from "./deployment.ts";
import type { Shown } from "./print.ts";
import { systemCaller } from "./system-caller.ts";

/** Makes a keyring. Fails with a StartupError when one exists, or when data beside it was sealed under another one. */
export async function initKeyring({ rootKeyFile, dataDir, databaseUrl }: Config): Promise<Shown> {
  if (databaseUrl === undefined && existsSync(join(dataDir, "postgres")) && !existsSync(rootKeyFile)) {
    throw new StartupError(`the data in ${dataDir} is sealed under a keyring that is missing; restore ${rootKeyFile}`);
  }
  if (databaseUrl === undefined) await createDataDir(dirname(rootKeyFile));
  const { first } = createKeyring(rootKeyFile, randomBytes);
  return { json: { file: rootKeyFile, keyId: first.id }, rows: [{ KEYRING: rootKeyFile, KEY: first.id }] };
}

/** Checks that the keyring opens everything that the database has sealed. Only reads. */
export async function checkKeyring(config: Config): Promise<Shown> {
  const keyring = loadKeyring(config.rootKeyFile);
  const keyIds = [...keyring.byId.keys()];
  const deploymentId = await withDatabase(config, async (database) => {
    const deployment = await findDeployment(database);
    if (!deployment) return undefined;
    openDeploymentKey(keyring, deployment.deploymentId, deployment).zero();
    await checkRootKeys(database, keyring);
    return deployment.deploymentId;
  });
  const result = deploymentId === undefined ? "fits: the database has sealed nothing yet" : "opens this deployment";
  return {
    json: { file: config.rootKeyFile, keyIds, deploymentId: deploymentId ?? null, opens: true },
    rows: [{ KEYRING: config.rootKeyFile, KEYS: keyIds.join(" "), DEPLOYMENT: deploymentId ?? "", RESULT: result }],
  };
}

/** Adds a root key that can unwrap but is not used for new wraps yet. Needed before `rotate` when several machines have the keyring. */
export async function addToKeyring({ rootKeyFile }: Config): Promise<Shown> {
  const keyId = addRootKey(rootKeyFile, randomBytes);
  const next = "copy this keyring to every machine, then run: coffer keyring rotate";
  return { json: { file: rootKeyFile, keyId }, rows: [{ KEYRING: rootKeyFile, KEY: keyId, NEXT: next }] };
}

/**
 * Changes the root key: puts the key that `addToKeyring` added first, or else a new one, and wraps everything under it. If a key other
 * than the first still wraps something that can be unwrapped, a rotation was interrupted: finishes that one instead.
 */
export async function rotateKeyring(config: Config): Promise<Shown> {
  return withDeployment(config, async (deps) => {
    const { database } = deps;
    const used = await countRootWraps(database);
    const isUnderWay = [...used.keys()].some((id) => id !== deps.keyring.first.id);
    let done = isUnderWay ? await rewrapUnderFirst(config, database) : undefined;
    // Wraps that do not authenticate stay under their old root keys. They must not prevent the next rotation.
    if (!done || done.rewrapped === 0) {
      // Any other unused key is one that an earlier rotation replaced: it may be known to others and must not come back.
      const added = findAddedRootKey(config.rootKeyFile);
      const isUnused = added !== undefined && !used.has(added);
      putRootKeyFirst(config.rootKeyFile, isUnused ? added : addRootKey(config.rootKeyFile, randomBytes), randomBytes);
      done = await rewrapUnderFirst(config, database);
    }
    const { keyring, rewrapped } = done;
    const corrupt = [...done.corrupt.map(nameOf), ...done.corruptImportKeys.map(importKeyName)];
    await recordRotation(deps, keyring.first.id);
    const wraps = await countRootWraps(database);
    const keys = [...keyring.byId.keys()].map((id) => ({ id, wraps: wraps.get(id) ?? 0 }));
    return {
      json: { file: config.rootKeyFile, rewrapped, corrupt, keys },
      rows: keys.map(({ id, wraps: count }) => ({ KEY: id, WRAPS: String(count), STATE: stateOf(id, count) })),
      ...(corrupt.length === 0
        ? {}
        : { last: `key versions that cannot be unwrapped and were not changed: ${corrupt.join(", ")}` }),
    };

    function stateOf(id: string, count: number): string {
      if (id === keyring.first.id) return "in use";
      if (count > 0) return "needed";
      return "can be removed when every instance has the new keyring; keep it with earlier database backups";
    }
  });
}

async function rewrapUnderFirst({ rootKeyFile }: Config, database: CommandDeps["database"]) {
  const keyring = loadKeyring(rootKeyFile);
  const deployment = await findDeployment(database);
  if (!deployment) throw new StartupError("the deployment row is missing in the database");
  return { keyring, ...(await rewrapRoots({ database, keyring, random: randomBytes }, deployment)) };
}

function importKeyName({ workspaceId, region }: { workspaceId: string; region: string }): string {
  return `${workspaceId} the import key of ${region}`;
}

function nameOf({
  workspaceId,
  kmsKeyId,
  version,
}: {
  workspaceId: string;
  kmsKeyId: string;
  version: number;
}): string {
  return `${workspaceId}/${kmsKeyId}/${version}`;
}

async function recordRotation(deps: CommandDeps, keyId: string): Promise<void> {
  const caller = await systemCaller(deps, "keyring rotate", undefined);
  const outcome = { decision: "ALLOW", rule: "system", result: "OK" } as const;
  await insertAuditEvents(deps.database, [
    auditEvent(deps, caller, outcome, { resourceType: "none", resourceId: keyId }),
  ]);
}

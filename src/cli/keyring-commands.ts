// coffer keyring init, check, rotate.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Config } from "../config.ts";
import { StartupError } from "../domain/startup-error.ts";
import { createDataDir } from "../embedded/data-dir.ts";
import { checkHoldsKeys, openDeploymentKey } from "../envelope/deployment-keys.ts";
import { addRootKey, createKeyring, type Keyring, loadKeyring, moveRootKeyFirst } from "../envelope/keyring.ts";
import { rewrapRoot } from "../operations/keys/rewrap-root.ts";
import type { Sql } from "../store/database.ts";
import { findDeployment } from "../store/deployment.ts";
import { countRootWraps } from "../store/root-wraps.ts";
import { withDatabase, withDeployment } from "./deployment.ts";
import type { Options } from "./options.ts";
import type { Shown } from "./print.ts";
import { UsageError } from "./usage.ts";

/** Never over one that is there, nor beside data that another one has sealed. */
export async function initKeyring({ rootKeyFile, dataDir, databaseUrl }: Config): Promise<Shown> {
  if (databaseUrl === undefined && existsSync(join(dataDir, "postgres")) && !existsSync(rootKeyFile)) {
    throw new StartupError(
      `the data in ${dataDir} is sealed under a keyring that is not there; restore ${rootKeyFile}`,
    );
  }
  if (databaseUrl === undefined) await createDataDir(dirname(rootKeyFile));
  const { first } = createKeyring(rootKeyFile, randomBytes);
  return { json: { file: rootKeyFile, keyId: first.id }, rows: [{ KEYRING: rootKeyFile, KEY: first.id }] };
}

/** Whether the keyring opens all that the database has sealed. Reads only. */
export async function checkKeyring(config: Config): Promise<Shown> {
  const keyring = loadKeyring(config.rootKeyFile);
  const keyIds = [...keyring.byId.keys()];
  const found = await withDatabase(config, async (database) => {
    const deployment = await findDeployment(database);
    if (!deployment) return undefined;
    openDeploymentKey(keyring, deployment.deploymentId, deployment).zero();
    const wraps = await countRootWraps(database);
    checkHoldsKeys(keyring, [...wraps.keys()]);
    return { deploymentId: deployment.deploymentId, wraps };
  });
  const { deploymentId, wraps = new Map<string, number>() } = found ?? {};
  const result = deploymentId === undefined ? "fits: nothing is sealed yet" : "opens this deployment";
  const json = { file: config.rootKeyFile, keyIds, deploymentId: deploymentId ?? null, opens: true };
  return {
    json: { ...json, keys: keysOf(keyring, wraps) },
    rows: keysOf(keyring, wraps).map(({ id, wraps: count }) => ({
      KEYRING: config.rootKeyFile,
      KEY: id,
      WRAPS: String(count),
      DEPLOYMENT: deploymentId ?? "",
      RESULT: result,
    })),
  };
}

/**
 * Adds a new first key, unless an earlier rotation is not finished, and wraps everything anew under the first one. With `prepare` it
 * only adds a key that does not wrap yet, for keyrings on several machines; `to` makes that one the first.
 */
export async function rotateKeyring(config: Config, { prepare, to }: Options): Promise<Shown> {
  const { rootKeyFile } = config;
  if (prepare) {
    if (to !== undefined) throw new UsageError("--prepare and --to are given one or the other");
    const added = [...addRootKey(rootKeyFile, "last", randomBytes).byId.keys()].at(-1) ?? "";
    const next = `copy ${rootKeyFile} to every instance, then run \`coffer keyring rotate --to ${added}\``;
    return { json: { file: rootKeyFile, added, next }, rows: [{ KEYRING: rootKeyFile, ADDED: added }], last: next };
  }
  return withDeployment(config, async ({ database }) => {
    const isRotated = await isAllUnder(database, loadKeyring(rootKeyFile).first.id);
    if (to !== undefined) moveRootKeyFirst(rootKeyFile, to, randomBytes);
    else if (isRotated) addRootKey(rootKeyFile, "first", randomBytes);
    const keyring = loadKeyring(rootKeyFile);
    const { rewrapped, corrupt } = await rewrapRoot({ database, keyring, random: randomBytes });
    if (corrupt.length > 0) {
      const names = corrupt.map(({ kmsKeyId, version }) => `${kmsKeyId} version ${version}`).join(", ");
      throw new StartupError(
        `these do not authenticate and stay under their old root key, which must stay too: ${names}`,
      );
    }
    const keys = keysOf(keyring, await countRootWraps(database));
    const unused = keys.filter(({ id, wraps }) => wraps === 0 && id !== keyring.first.id).map(({ id }) => id);
    return {
      json: { file: rootKeyFile, first: keyring.first.id, rewrapped, keys, unused },
      rows: keys.map(({ id, wraps }) => ({ KEYRING: rootKeyFile, KEY: id, WRAPS: String(wraps) })),
      last: adviceOn(unused),
    };
  });
}

async function isAllUnder(database: Sql, rootKeyId: string): Promise<boolean> {
  return [...(await countRootWraps(database)).keys()].every((id) => id === rootKeyId);
}

/** In the order of the file, with how many wraps each has. */
function keysOf(keyring: Keyring, wraps: ReadonlyMap<string, number>): { id: string; wraps: number }[] {
  return [...keyring.byId.keys()].map((id) => ({ id, wraps: wraps.get(id) ?? 0 }));
}

function adviceOn(unused: readonly string[]): string {
  if (unused.length === 0) return "no key is without wraps";
  return (
    `nothing is wrapped by ${unused.join(", ")} any more. Restart every instance, run \`coffer keyring check\`, and if that says ` +
    "0 wraps still, remove the line; keep the key elsewhere for as long as you keep backups from before now"
  );
}

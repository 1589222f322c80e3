// Fills the database before anything is measured: a workspace, and the same secrets for coffer and for the floor.
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { createApp } from "../src/compose/app.ts";
import { createLogger } from "../src/compose/log.ts";
import { loadConfig } from "../src/config/config.ts";
import { createKeyring } from "../src/envelope/keyring.ts";
import { bootstrap } from "../src/operations/workspaces/bootstrap.ts";
import { sealingKey } from "../src/steps/keys/sealing-key.ts";
import { openDatabase } from "../src/store/database.ts";
import { migrate } from "../src/store/migrate.ts";
import { createFloorTable } from "./floor-table.ts";
import { insertRows, type SeedKeys, sealRows } from "./seed-rows.ts";

export interface Seeded {
  rootKeyFile: string;
  ownerToken: string;
  floorKey: string;
  /** One id of 30 characters a line. */
  idsFile: string;
  hotId: string;
}

const rowsPerStatement = 1_000;
const statementsAtOnce = 2;
const randomPoolSizeBytes = 1 << 20;

/** `idsMax`: how many secrets the uniform cases ask for. */
export async function seed(databaseUrl: string, dir: string, scale: number, idsMax = scale): Promise<Seeded> {
  const rootKeyFile = join(dir, "root.key");
  const keyring = createKeyring(rootKeyFile, randomBytes);
  await migrate(databaseUrl, { checkOnly: false });
  const config = loadConfig({
    COFFER_DATABASE_URL: databaseUrl,
    COFFER_ROOT_KEY_FILE: rootKeyFile,
    COFFER_LOG_LEVEL: "error",
  });
  const database = openDatabase({ connectionString: databaseUrl, poolSize: config.databasePoolSize });
  const app = await createApp({ config, log: createLogger(config), database, keyring });
  const floorKey = randomBytes(32);
  const client = new pg.Pool({
    connectionString: databaseUrl,
    max: statementsAtOnce,
    // Foreign keys hold by construction here, and nothing has to survive a crash yet.
    options: "-c session_replication_role=replica -c synchronous_commit=off",
  });
  try {
    let ownerToken = "";
    await bootstrap(app.deps, async (token) => {
      ownerToken = token;
    });
    const { rows } = await client.query<{ workspace_id: string }>("select workspace_id from workspace");
    const workspaceId = rows[0]?.workspace_id ?? "";
    const keyVersion = await sealingKey(app.deps, workspaceId, { region: config.regions[0] });
    await client.query(createFloorTable);
    const ids = await insertAll(
      client,
      { deps: { ...app.deps, random: pooledRandom() }, workspaceId, keyVersion, floorKey },
      scale,
    );
    // PostgreSQL would otherwise do this later, in the middle of a measurement.
    await client.query("vacuum (analyze)");
    await client.query("checkpoint");
    const idsFile = join(dir, "ids");
    await writeFile(idsFile, `${ids.slice(0, idsMax).join("\n")}\n`);
    const hotId = ids[Math.floor(ids.length / 2)] ?? "";
    return { rootKeyFile, ownerToken, floorKey: floorKey.toString("base64"), idsFile, hotId };
  } finally {
    await client.end();
    await app.close();
  }
}

/** The same randomness, asked of the system in large pieces: a row takes eight small ones. */
function pooledRandom(): (sizeBytes: number) => Uint8Array {
  let pool = Buffer.alloc(0);
  return (sizeBytes) => {
    if (pool.byteLength < sizeBytes) pool = randomBytes(randomPoolSizeBytes);
    const taken = pool.subarray(0, sizeBytes);
    pool = pool.subarray(sizeBytes);
    return taken;
  };
}

async function insertAll(client: pg.Pool, keys: SeedKeys, scale: number): Promise<string[]> {
  const ids: string[] = [];
  const writing: Promise<void>[] = [];
  for (let first = 0; first < scale; first += rowsPerStatement) {
    if (writing.length === statementsAtOnce) await writing.shift();
    const rows = sealRows(keys, first, Math.min(rowsPerStatement, scale - first));
    ids.push(...rows.map(({ secretId }) => secretId));
    writing.push(insertRows(client, keys, rows));
    // Sealing is one long computation; the statements under way need the loop now and then.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(writing);
  return ids;
}

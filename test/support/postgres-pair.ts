// A primary and its hot standby, for tests of what happens when the one takes the other's place.
import { chmod, chown, cp, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { makeRunDir } from "./run-dir.ts";

export interface PostgresPair {
  primaryUrl: string;
  standbyUrl: string;
  /** Both, in this order, with further parameters. */
  urlOfBoth(parameters: string): string;
  stopPrimary(): Promise<void>;
  promoteStandby(): Promise<void>;
  close(): Promise<void>;
}

const settings = { fsync: "off", full_page_writes: "off" };

export async function startPostgresPair(): Promise<PostgresPair> {
  const servers: EmbeddedPostgres[] = [];
  const runDir = await makeRunDir("pair", () => servers.map((server) => server.pid()));
  const [primaryDir, standbyDir] = [join(runDir.path, "primary"), join(runDir.path, "standby")];
  const start = async (dataDir: string, more: Record<string, string> = {}) => {
    const server = await startEmbeddedPostgres({ dataDir, settings: { ...settings, ...more } });
    servers.push(server);
    return server;
  };
  // Copied while it stands still: a base backup needs a program that is not bundled.
  await (await start(primaryDir)).stop();
  servers.length = 0;
  await cp(primaryDir, standbyDir, { recursive: true, preserveTimestamps: true });
  await ownAs(join(primaryDir, "postgres"), join(standbyDir, "postgres"));
  await writeFile(join(standbyDir, "postgres", "standby.signal"), "");
  // The account that the standby runs as must reach the primary's socket.
  await Promise.all([runDir.path, primaryDir].map((path) => chmod(path, 0o711)));
  const primary = await start(primaryDir);
  const { host, port, user, password } = primary.connection;
  const standby = await start(standbyDir, {
    primary_conninfo: `host=${host} port=${port} user=${user} password=${password}`,
  });
  return {
    primaryUrl: primary.url,
    standbyUrl: standby.url,
    urlOfBoth: (parameters) =>
      `postgres://${user}:${password}@/coffer?host=${host},${standby.connection.host}&port=5432&sslmode=disable${parameters}`,
    stopPrimary: primary.stop,
    async promoteStandby() {
      const client = new Client(standby.url);
      await client.connect();
      await client.query("select pg_promote()");
      await client.end();
    },
    async close() {
      for (const server of servers) await server.stop();
      runDir.remove();
    },
  };
}

/** Gives a copy the owner of its original: if root runs the tests, the servers run as another account. */
async function ownAs(original: string, copy: string): Promise<void> {
  const { uid, gid } = await stat(original);
  if (process.getuid?.() !== 0 || uid === 0) return;
  await chown(copy, uid, gid);
  for (const path of await readdir(copy, { recursive: true })) await chown(join(copy, path), uid, gid);
}

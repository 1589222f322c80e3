// PgBouncer in front of the run's PostgreSQL, out of the system's packages; undefined where there is none.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { Client } from "pg";
import { type Binary, findOnPath, unpackBinary } from "./debian-packages.ts";
import { findFreePort } from "./free-port.ts";
import { until } from "./poll.ts";
import { startPostgresProxy } from "./postgres-proxy.ts";
import { makeRunDir } from "./run-dir.ts";

export interface PgBouncer {
  /** The same database by way of it. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

export async function findPgBouncer(): Promise<Binary | undefined> {
  const installed = await findOnPath("pgbouncer");
  return installed
    ? { path: installed, libraryPath: undefined }
    : unpackBinary("pgbouncer", ["pgbouncer"], "pgbouncer");
}

/** `settings`: lines of its configuration, such as the pool mode. */
export async function startPgBouncer(binary: Binary, adminUrl: string, settings: string): Promise<PgBouncer> {
  // Over TCP: the account that it runs as may not reach the server's socket.
  const proxy = await startPostgresProxy();
  const { host, port: serverPort, user = "", password = "" } = new Client(proxy.through(adminUrl));
  let pid: number | undefined;
  const runDir = await makeRunDir("pgbouncer", () => [pid]);
  await chmod(runDir.path, 0o755);
  const port = await findFreePort();
  const config = join(runDir.path, "pgbouncer.ini");
  await writeFile(
    config,
    `[databases]
* = host=${host} port=${serverPort} user=${user} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
${settings}
`,
  );
  const libraries = binary.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: binary.libraryPath };
  // It does not run as root.
  const account = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const child = spawn(binary.path, [config], { stdio: "ignore", env: { ...process.env, ...libraries }, ...account });
  pid = child.pid;
  await until("PgBouncer listens", () => answers(port));
  return {
    through(databaseUrl) {
      const { database = "" } = new Client(databaseUrl);
      return `postgres://${user}:x@127.0.0.1:${port}/${database}?sslmode=disable`;
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await proxy.close();
      pid = undefined;
      runDir.remove();
    },
  };
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1", () => resolve(true));
  socket.on("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

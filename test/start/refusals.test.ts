// A start that cannot go on: one line on stderr, exit code 1, nothing on stdout, and nothing written.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { useProcesses } from "../support/processes.ts";

const processes = useProcesses();
/** A deployment in use; its own root key is not in any file. */
const coffer = useCoffer({ redisUrl: null });
let empty: TestDatabase;
let taken: Server;
let keyFile = "";
beforeAll(async () => {
  empty = await createTestDatabase("template0");
  taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  keyFile = writeKeyFile(randomBytes(32).toString("base64"));
});
afterAll(async () => {
  taken.close();
  await empty.drop();
});

function writeKeyFile(text: string): string {
  const path = join(processes.newDir(), "root.key");
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const takenPort = () => String((taken.address() as { port: number }).port);
const external = (url: string, file = keyFile) => ({ COFFER_DATABASE_URL: url, COFFER_ROOT_KEY_FILE: file });
const inUse = (env: Record<string, string> = {}) => ({ ...processes.settingsOf(coffer), ...env });
const withPart = (pattern: RegExp, part: string) => coffer.databaseUrl.replace(pattern, part);

/** A directory of the kernel's, which nobody can write to. */
const readOnlyDir = () => "/sys/kernel/coffer";

/** All that the deployment in use holds, as far as a start could change it. */
const contents = async () => ({
  deployment: await coffer.sql("select * from deployment"),
  workspaces: await coffer.sql("select * from workspace"),
  tokens: await coffer.sql("select token_id from api_token"),
  migrations: await coffer.sql("select * from schema_migration order by number"),
});

/** Starts with these settings and returns the outcome. */
async function outcomeOf(
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const launched = processes.launch({ COFFER_DATA_DIR: join(processes.newDir(), "data"), ...env });
  const { code, stdout, stderr } = await launched.ended;
  return { code, stdout, stderr };
}

describe("is one line, and names what is wrong:", () => {
  it.concurrent.each<[string, () => Record<string, string>, RegExp]>([
    ["a port that is no number", () => ({ COFFER_PORT: "http" }), /COFFER_PORT must be a whole number/],
    [
      "a port that is taken",
      () => inUse({ COFFER_PORT: takenPort() }),
      /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
    ],
    [
      "a data directory that cannot be made",
      () => ({ COFFER_DATA_DIR: "/dev/null/coffer" }),
      /cannot use the data directory .*ENOTDIR/,
    ],
    [
      "a data directory where the file system has no room for any",
      () => ({ COFFER_DATA_DIR: "/proc/coffer/data" }),
      /cannot use the data directory .*(ENOENT|EACCES)/,
    ],
    [
      "a host that is not of this machine",
      () => inUse({ COFFER_HOST: "192.0.2.1" }),
      /cannot listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL/,
    ],
    [
      "no server at the database's URL",
      () => external("postgres://coffer:hunter2@127.0.0.1:1/coffer"),
      /database.*ECONNREFUSED/,
    ],
    [
      "no server at a name with two addresses",
      () => external("postgres://coffer:hunter2@localhost:1/coffer"),
      /database.*ECONNREFUSED/,
    ],
    [
      "a database URL that is none",
      () => external("postgres://coffer:hunter2@[oops/coffer"),
      /COFFER_DATABASE_URL|database.*Invalid URL/,
    ],
    [
      "a wrong database password",
      () => external(withPart(/:[^:@/]+@/, ":hunter2@")),
      /database.*password authentication failed/,
    ],
    [
      "no database password where one is asked for",
      () => external(withPart(/:[^:@/]+@/, "@")),
      /the database requires a password: set COFFER_DATABASE_PASSWORD_FILE/,
    ],
    [
      "an empty password file",
      () => ({ ...external(empty.url), COFFER_DATABASE_PASSWORD_FILE: writeKeyFile("\n") }),
      /COFFER_DATABASE_PASSWORD_FILE: the file \S+ is empty/,
    ],
    [
      "a server that takes the connection and says nothing",
      () => external(`postgres://coffer:hunter2@127.0.0.1:${takenPort()}/coffer`),
      /cannot use the database: the server did not answer/,
    ],
    [
      "two servers that take the connection and say nothing",
      () => external(`postgres://coffer:hunter2@127.0.0.1:${takenPort()},127.0.0.1:${takenPort()}/coffer`),
      /cannot use the database: the server did not answer/,
    ],
    [
      "session attributes that suit no service that writes",
      () => external("postgres://coffer:hunter2@a,b/coffer?target_session_attrs=standby"),
      /target_session_attrs=standby in COFFER_DATABASE_URL is not supported/,
    ],
    [
      "a data directory on a read-only file system",
      () => ({ COFFER_DATA_DIR: readOnlyDir() }),
      /cannot use the data directory .*(EROFS|EACCES|EPERM|ENOENT)/,
    ],
    [
      "a database that does not exist",
      () => external(withPart(/\/test_\w+/, "/absent")),
      /database "absent" does not exist/,
    ],
    [
      "no root key file",
      () => external(empty.url, "/nowhere/root.key"),
      /root keyring \/nowhere\/root\.key: there is no such file/,
    ],
    [
      "a malformed root key",
      () => external(empty.url, writeKeyFile("hunter2")),
      /root\.key: line 1 is not the base64 of 32 bytes/,
    ],
    [
      "a schema that it may only check",
      () => ({ ...external(empty.url), COFFER_MIGRATE: "check" }),
      /schema is at 0, this coffer needs \d+/,
    ],
    ["a data directory that is a file", () => ({ COFFER_DATA_DIR: writeKeyFile("") }), /data directory|root\.key/],
  ])("%s", async (_what, env, message) => {
    const start = performance.now();
    const { code, stdout, stderr } = await outcomeOf(env());
    // Several starts at a time, on a machine that is busy with other tests.
    expect(performance.now() - start).toBeLessThan(15_000);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^coffer: [^\n]{10,300}\n$/);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("hunter2");
  });
});

describe("leaves what is there as it was:", () => {
  it("a database whose root key is another one, in check mode and otherwise", async () => {
    const before = await contents();
    for (const mode of ["auto", "check"]) {
      const { code, stderr } = await outcomeOf({ ...external(coffer.databaseUrl), COFFER_MIGRATE: mode });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^coffer: [^\n]*root key[^\n]*\n$/);
    }
    expect(await contents()).toEqual(before);
  });

  it.each([
    [
      "a schema that is newer",
      "insert into schema_migration values (99, '0099-later.sql', 'x')",
      /newer than this coffer/,
    ],
    [
      "a schema of another migration",
      "update schema_migration set checksum = 'x' where number = 1",
      /another migration/,
    ],
  ])("%s", async (_what, change, message) => {
    const saved = await coffer.sql("select number, checksum from schema_migration");
    await coffer.sql(change);
    const before = await contents();
    const { code, stderr } = await outcomeOf(inUse());
    expect({ code, lines: stderr.split("\n").length }).toEqual({ code: 1, lines: 2 });
    expect(stderr).toMatch(message);
    expect(await contents()).toEqual(before);
    await coffer.sql("delete from schema_migration where number = 99");
    for (const { number, checksum } of saved) {
      await coffer.sql("update schema_migration set checksum = $2 where number = $1", [number, checksum]);
    }
  });
});

describe("is not refused", () => {
  it("because Redis is down, nor because a log's reader has gone", async () => {
    const serving = await processes.serve(
      inUse({ COFFER_REDIS_URL: "redis://127.0.0.1:1", COFFER_DATA_DIR: processes.newDir() }),
    );
    serving.child.stdout?.destroy();
    for (let call = 0; call < 3; call++) {
      const response = await fetch(`${serving.url}/v1/secrets/x`, {
        headers: { authorization: `Bearer ${coffer.ownerToken}` },
      });
      expect(response.status).toBe(404);
    }
    expect(await serving.stop()).toMatchObject({ code: 0, stderr: "" });
  });
});

// PgBouncer between coffer and Postgres: session mode works, transaction mode is refused in one line and leaves nothing behind.
import { Client } from "pg";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { migrate } from "../../src/store/migrate.ts";
import { startCoffer } from "../support/coffer.ts";
import { createTestDatabase } from "../support/database.ts";
import { errorsOf, inParallel } from "../support/parallel.ts";
import { findPgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { addVersion, createSecret, readText } from "../support/secrets.ts";

const binary = await findPgBouncer();
if (!binary) console.warn("skipped: no pgbouncer is installed, and there is no apt to get one from");

async function pooled(settings: string) {
  if (!binary) throw new Error("the test was to be skipped");
  const bouncer = await startPgBouncer(binary, inject("postgresUrl"), settings);
  onTestFinished(bouncer.stop);
  return bouncer;
}

describe.skipIf(!binary)("PgBouncer", () => {
  it("in session mode, and otherwise as it comes, serves a start that migrates and every kind of call", async () => {
    const { through } = await pooled("pool_mode = session");
    const empty = await createTestDatabase("template0");
    onTestFinished(empty.drop);
    await migrate(through(empty.url));
    const coffer = await startCoffer({ through });
    onTestFinished(coffer.close);
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    const calls = await inParallel(100, 20, () => readText(coffer, secret));
    expect(errorsOf(calls)).toEqual([]);
    expect(await readText(coffer, secret)).toBe("v2");
    const { secrets } = await coffer.clients().secrets.listSecrets({});
    expect(secrets).toHaveLength(1);
    expect((await coffer.fetch("/readyz")).status).toBe(200);
  });

  it.each(["transaction", "statement"])(
    "in %s mode is refused in one line, and the migrations are not locked by it",
    async (mode) => {
      const { through } = await pooled(`pool_mode = ${mode}`);
      const empty = await createTestDatabase("template0");
      onTestFinished(empty.drop);
      const refused = migrate(through(empty.url));
      await expect(refused).rejects.toThrow(StartupError);
      await expect(refused).rejects.toThrow(
        /^COFFER_DATABASE_URL leads to a connection pooler in transaction mode; [^\n]+$/,
      );
      const start = performance.now();
      await migrate(empty.url);
      expect(performance.now() - start).toBeLessThan(20_000);
    },
  );

  it("in session mode with a single server connection is no reason to wait for ever", async () => {
    const { through } = await pooled("pool_mode = session\ndefault_pool_size = 1");
    const empty = await createTestDatabase("template0");
    onTestFinished(empty.drop);
    await migrate(through(empty.url));
    const client = new Client(empty.url);
    await client.connect();
    expect((await client.query("select count(*)::int > 10 as done from schema_migration")).rows).toEqual([
      { done: true },
    ]);
    await client.end();
  });
});

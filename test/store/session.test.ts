// Settings of a database or a role do not reach coffer's sessions. A database that coffer cannot work with is refused.
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { openDatabase } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { startCoffer } from "../support/coffer.ts";
import { createTestDatabase } from "../support/database.ts";
import { withDatabase } from "../support/global-setup.ts";
import { hostileSettings, makeHostile } from "../support/hostile-database.ts";
import { addVersion, byId, createSecret, readText } from "../support/secrets.ts";

describe("on a database with hostile defaults", () => {
  it("the whole schema is made, however short its statements may take", async () => {
    const { url, drop } = await createTestDatabase("template0");
    onTestFinished(drop);
    await makeHostile(url, { ...hostileSettings, statement_timeout: "1" });
    await expect(migrate(url)).resolves.toBeUndefined();
  });

  it("every connection has coffer's own settings", async () => {
    const { url, drop } = await createTestDatabase();
    onTestFinished(drop);
    await makeHostile(url);
    const database = openDatabase({ connectionString: url, poolSize: 1 });
    const text = "select name, setting from pg_settings where name = any ($1) order by name";
    const names = Object.keys(hostileSettings);
    const pooled = await database.query<{ name: string; setting: string }>({ name: "", text, values: [names] });
    const alone = await database.connectAlone();
    expect((await alone.query(text, [names])).rows).toEqual(pooled);
    const kept = pooled.filter(({ name, setting }) => hostileSettings[name]?.toLowerCase() === setting.toLowerCase());
    expect(kept).toEqual([]);
    await alone.end();
    await database.close();
  });

  it("a commit that is set to wait for more than the disk still does", async () => {
    const { url, drop } = await createTestDatabase();
    onTestFinished(drop);
    await makeHostile(url, { synchronous_commit: "remote_apply" });
    const database = openDatabase({ connectionString: url, poolSize: 1 });
    expect(await database.query({ name: "", text: "show synchronous_commit", values: [] })).toEqual([
      { synchronous_commit: "remote_apply" },
    ]);
    await database.close();
  });

  it("secrets, versions, tokens that expire, lists and the audit trail work as on any other", async () => {
    const coffer = await startCoffer({
      async through(url) {
        await makeHostile(url);
        return url;
      },
    });
    onTestFinished(coffer.close);
    const { secrets, tokens, audit } = coffer.clients();
    const secret = await createSecret(coffer, {
      labels: { team: "é" },
      expiration: { case: "ttl", value: { seconds: 3600n } },
    });
    await addVersion(coffer, secret, "v2");
    expect(await readText(coffer, secret)).toBe("v2");
    const seen = (await secrets.getSecret(byId(secret.id))).secret;
    const now = BigInt(Math.floor(Date.now() / 1000));
    expect(seen?.createTime?.seconds).toBeGreaterThan(now - 60n);
    expect(seen?.expireTime?.seconds).toBeGreaterThan(now + 3_000n);
    expect((await secrets.listSecrets({ labels: { team: "é" } })).secrets).toHaveLength(1);
    const made = await tokens.createToken({
      displayName: "t",
      role: 3,
      expiration: { case: "ttl", value: { seconds: 600n } },
    });
    expect(await readText(coffer, secret)).toBe("v2");
    expect((await coffer.clients(made.token).secrets.getSecret(byId(secret.id))).secret?.id).toBe(secret.id);
    const { auditEvents: events } = await audit.listAuditEvents({});
    expect(events.length).toBeGreaterThan(3);
    expect(events.every(({ eventTime }) => (eventTime?.seconds ?? 0n) > now - 60n)).toBe(true);
    await secrets.deleteSecret(byId(secret.id));
    expect((await secrets.undeleteSecret({ id: secret.id })).secret?.id).toBe(secret.id);
  });
});

it("a database that is not UTF8 is refused in one line, and stays empty", async () => {
  const adminUrl = inject("postgresUrl");
  const name = `test_latin_${randomBytes(6).toString("hex")}`;
  const admin = new Client(adminUrl);
  await admin.connect();
  onTestFinished(async () => {
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  });
  await admin.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
  const refused = migrate(withDatabase(adminUrl, name));
  await expect(refused).rejects.toThrow(/^the encoding of the database is LATIN1; coffer requires UTF8: [^\n]+$/);
});

// A database of its own for each test file, copied from the migrated template.
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { inject } from "vitest";
import { templateDatabase, withDatabase } from "./global-setup.ts";
import { isHostileRun, makeHostile } from "./hostile-database.ts";

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

export async function createTestDatabase(template = templateDatabase): Promise<TestDatabase> {
  const adminUrl = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await runAsAdmin(adminUrl, `create database ${name} template ${template}`);
  const url = withDatabase(adminUrl, name);
  // A template does not hand its settings on.
  if (isHostileRun) await makeHostile(url);
  return {
    url,
    drop: () => runAsAdmin(adminUrl, `drop database if exists ${name} with (force)`),
  };
}

async function runAsAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new Client(adminUrl);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

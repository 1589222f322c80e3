// The password of a file goes to the server, however it is written and whatever the URL says of one.
import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDatabase } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const role = `test_${process.pid}_${Date.now()}`;
const password = "p%20 +&?#@:/é'";
let place: TestDatabase;

async function asAdmin(...statements: string[]): Promise<void> {
  const client = new Client(place.url);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

beforeAll(async () => {
  place = await createTestDatabase();
  const literal = `'${password.replaceAll("'", "''")}'`;
  await asAdmin(`create role ${role} login password ${literal}`, `grant all on all tables in schema public to ${role}`);
});
afterAll(async () => {
  await asAdmin(`drop owned by ${role}`, `drop role ${role}`);
  await place.drop();
});

const urlOf = (credentials: string) => place.url.replace(/\/\/[^@]*@/, `//${credentials}@`);

it.each([
  ["nothing", role],
  ["an empty one", `${role}:`],
  ["another one", `${role}:wrong`],
])("where the URL has %s", async (_, credentials) => {
  const connectionString = urlOf(credentials);
  const database = openDatabase({ connectionString, password, poolSize: 1 });
  try {
    const rows = await database.query<{ name: string }>({ name: "", text: "select current_user as name", values: [] });
    expect(rows).toEqual([{ name: role }]);
    await migrate(connectionString, { checkOnly: true, password });
  } finally {
    await database.close();
  }
});

it("no other one does", async () => {
  const refused = migrate(urlOf(role), { checkOnly: true, password: "wrong" });
  await expect(refused).rejects.toThrow("password authentication failed");
});

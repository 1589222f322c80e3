// A role of its own for a coffer, whose rights and connections a test may take away.
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { inject } from "vitest";
import { withDatabase } from "./global-setup.ts";

export interface PostgresRole {
  name: string;
  /** The same database as this role; call it before the role is used. */
  through(databaseUrl: string): Promise<string>;
  /** As an administrator, in the role's database or in another one. */
  asAdmin(statement: string, database?: string): Promise<void>;
  /** Ends all of its connections. */
  disconnect(): Promise<void>;
  /** After its database is gone. */
  drop(): Promise<void>;
}

/** `options`: of `create role`, such as `connection limit 3`. */
export function newPostgresRole(options = ""): PostgresRole {
  const name = `role_${randomBytes(6).toString("hex")}`;
  let ownDatabase = "";
  const asAdmin = async (statement: string, database = ownDatabase) => {
    const client = new Client(withDatabase(inject("postgresUrl"), database));
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  return {
    name,
    asAdmin,
    async through(databaseUrl) {
      ownDatabase = new Client(databaseUrl).database ?? "";
      await asAdmin(`create role ${name} login password 'x' ${options};
        grant all on all tables in schema public to ${name};
        grant all on all sequences in schema public to ${name}`);
      return databaseUrl.replace(/\/\/[^@]*@/, `//${name}:x@`);
    },
    disconnect: () =>
      asAdmin(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${name}'`, "postgres"),
    async drop() {
      await asAdmin(`drop role ${name}`, "postgres");
    },
  };
}

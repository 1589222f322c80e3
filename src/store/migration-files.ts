// Reads the migrations of this version from the folder beside this file.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StartupError } from "../domain/error/startup-error.ts";

export interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
  /** Runs statement by statement outside a transaction, so that indexes can be built concurrently. Each statement may run again. */
  isWithoutTransaction: boolean;
}

/** The first line of such a file. */
const withoutTransaction = "-- Without a transaction.";

export function readMigrations(): Migration[] {
  const folder = join(import.meta.dirname, "migrations");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name, index) => {
      const sql = readFileSync(join(folder, name), "utf8");
      const number = Number(name.slice(0, 4));
      if (number !== index + 1) throw new StartupError(`migration ${name} is out of order`);
      const checksum = createHash("sha256").update(sql).digest("hex");
      return { number, name, sql, checksum, isWithoutTransaction: sql.startsWith(withoutTransaction) };
    });
}

/** Returns the name by which a migration finds its TypeScript step. */
export function stepNameOf({ name }: Pick<Migration, "name">): string {
  return name.slice("0000-".length, -".sql".length);
}

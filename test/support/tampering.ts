// Changes of any column by SQL: another value of its type, and a database that refuses no change.
import type { TestCoffer } from "./coffer.ts";
import { present } from "./secrets.ts";

/** SQL of another value, by the type of the column. */
const anotherOf: Readonly<Record<string, (column: string) => string>> = {
  text: (column) => `coalesce(${column}, '') || 'x'`,
  int4: (column) => `${column} + 1`,
  int8: (column) => `${column} + 1`,
  bool: (column) => `not ${column}`,
  bytea: (column) => `${column} || '\\x00'`,
  timestamptz: (column) => `coalesce(${column}, now()) + interval '40 days'`,
  date: (column) => `${column} + 40`,
  jsonb: (column) => `coalesce(${column}, '{}') || '{"tampered": "1"}'`,
  _text: (column) => `array_append(${column}, 'tampered')`,
};

/** Returns SQL of another value than the column has, and whether the column may be null. */
export async function anotherValue(
  coffer: TestCoffer,
  table: string,
  column: string,
  alias = table,
): Promise<{ another: string; nullable: boolean }> {
  const [row] = await coffer.sql(
    `select t.typname as type, not a.attnotnull as nullable from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = $1::regclass and a.attname = $2`,
    [table, column],
  );
  const { type, nullable } = present(row);
  return { another: present(anotherOf[String(type)])(`${alias}.${column}`), nullable: nullable === true };
}

/** Removes the constraints and triggers that would refuse a change. */
export async function dropRefusals(coffer: TestCoffer): Promise<void> {
  await coffer.sql(`do $$ declare c record; begin
      for c in select conrelid::regclass as t, conname from pg_constraint
        where contype in ('c', 'f') and connamespace = 'public'::regnamespace and conparentid = 0 and conislocal
      loop execute format('alter table %s drop constraint if exists %I cascade', c.t, c.conname); end loop;
      for c in select tgrelid::regclass as t, tgname from pg_trigger where not tgisinternal and tgparentid = 0
      loop execute format('drop trigger %I on %s', c.tgname, c.t); end loop;
    end $$`);
}

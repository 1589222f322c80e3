// Finds out whether a write would work now. Readiness depends on it.
import { isPermissionDenied } from "./database-errors.ts";
import type { Pool } from "./pool.ts";
import { type Patience, read } from "./read.ts";
import type { Statement } from "./statement.ts";

// Readiness answers within a second.
const patience: Patience = { hedgeMs: 300, totalMs: 850 };

// A commit that the server writes to its log like any other.
const commitText = "select pg_logical_emit_message(true, 'coffer', '')";
// A page that needs space on the disk. It belongs to a temporary table that each commit empties.
const pageText = `create temp table if not exists coffer_probe (page text) on commit delete rows;
  insert into pg_temp.coffer_probe values ('');
  ${commitText}`;
// Fails on a server that takes no writes, for a role that may make no temporary tables.
const noPageText = `select 1 / (current_setting('transaction_read_only') = 'off')::integer; ${commitText}`;

/** Never throws. */
export async function checkWritable(pool: Pool): Promise<boolean> {
  try {
    await read(pool, "health", statementOf(pageText), patience);
    return true;
  } catch (error) {
    if (!isPermissionDenied(error)) return false;
  }
  return read(pool, "health", statementOf(noPageText), patience).then(
    () => true,
    () => false,
  );
}

function statementOf(text: string): Statement {
  return { name: "", text, values: [] };
}

// Soft-deleted secrets past their purge_time, as copies of the live ones: what is purged is never opened.
import type pg from "pg";

const perStatement = 10_000;

export async function seedDue(database: pg.Client, count: number): Promise<void> {
  await database.query("set session_replication_role = replica");
  await database.query("set synchronous_commit = off");
  for (let first = 0; first < count; first += perStatement) {
    const last = Math.min(first + perStatement, count);
    await database.query(`with source as (
        select s.*, v.version_number, v.version_id, v.payload_form, v.envelope, v.kms_key_version, v.mac as version_mac
        from secret s join secret_version v using (workspace_id, secret_id) where s.state = 'ACTIVE' limit 1
      ), secrets as (
        insert into secret (workspace_id, secret_id, region, name, path, kind, description, labels, annotations, mime_type, state,
          version_aliases, version_count, enabled_version_count, current_version, kms_key_id, revealable, delete_time, purge_time,
          row_mac)
        select workspace_id, 'sec_due' || lpad(n::text, 23, '0'), region, name || n, path || n, kind, '', '{}', '{}', '',
          'SOFT_DELETED', '{}', 1, 1, 1, kms_key_id, true, now() - interval '30 days', now() - n * interval '1 second', row_mac
        from source, generate_series(${first + 1}, ${last}) as n
      )
      insert into secret_version (workspace_id, secret_id, version_number, version_id, state, comment, payload_form, envelope,
        kms_key_id, kms_key_version, mac)
      select workspace_id, 'sec_due' || lpad(n::text, 23, '0'), 1, 'secv_due' || n, 'ENABLED', '', payload_form, envelope,
        kms_key_id, kms_key_version, version_mac
      from source, generate_series(${first + 1}, ${last}) as n`);
  }
  await database.query("vacuum (analyze)");
  await database.query("checkpoint");
}

-- What decides who gets which value of a secret comes under one MAC, `row_mac`: its name and path, its state and end, and which version
-- is which. What decides where sandboxes may go comes under one too. The next migration signs the rows that are there.
alter table secret
  -- Null until it is signed: such a row authenticates nothing.
  add column row_mac bytea,
  -- Read by instances of an earlier version alone, which run beside this one during an upgrade.
  alter column mac drop not null;
alter table workspace add column mac bytea;

-- Instances of an earlier version change these columns without their MAC, and this version would never read such a row again. While
-- both run, the earlier one is told that its database takes no changes: its callers try again, and reach an instance of this version.
create function refuse_without_mac() returns trigger language plpgsql as $$
begin
  raise exception 'this database has been migrated for a later version of coffer' using errcode = 'read_only_sql_transaction';
end
$$;
create trigger secret_needs_mac before insert on secret for each row
  when (current_setting('application_name') like 'coffer%' and new.row_mac is null)
  execute function refuse_without_mac();
create trigger secret_keeps_mac
  before update of region, name, path, state, expire_time, current_version, version_count, version_aliases, kms_key_id, revealable,
    access_policy
  on secret for each row
  when (current_setting('application_name') like 'coffer%' and new.row_mac is not distinct from old.row_mac and
    (new.region, new.name, new.path, new.state, new.expire_time, new.current_version, new.version_count, new.version_aliases,
      new.kms_key_id, new.revealable, new.access_policy) is distinct from
    (old.region, old.name, old.path, old.state, old.expire_time, old.current_version, old.version_count, old.version_aliases,
      old.kms_key_id, old.revealable, old.access_policy))
  execute function refuse_without_mac();
create trigger workspace_needs_mac before insert on workspace for each row
  when (current_setting('application_name') like 'coffer%' and new.mac is null)
  execute function refuse_without_mac();
create trigger workspace_keeps_mac before update of egress_unmatched on workspace for each row
  when (current_setting('application_name') like 'coffer%' and new.mac is not distinct from old.mac
    and new.egress_unmatched is distinct from old.egress_unmatched)
  execute function refuse_without_mac();

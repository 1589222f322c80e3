-- Who may do what at which paths, beyond their role. A role that holds nothing by itself goes with it.
alter table workspace_member
  drop constraint workspace_member_role_check,
  add constraint workspace_member_role_check check (role in ('MEMBER', 'VIEWER', 'OPERATOR', 'ADMIN', 'OWNER'));

alter table workspace
  -- Counts the changes of its access rules, so that what is compiled of them is known to be old.
  add column access_revision bigint not null default 0;

create table access_rule (
  workspace_id text not null references workspace,
  rule_id text collate "C" not null,
  -- One of them: a principal may be one that has not called yet.
  principal_id text,
  role text,
  permissions text[] not null,
  -- Empty: every path.
  path_patterns text[] not null,
  -- Null: every region.
  region text,
  note text not null,
  create_time timestamptz not null default now(),
  mac bytea not null,
  primary key (workspace_id, rule_id),
  check ((principal_id is null) <> (role is null))
);
create index access_rule_by_principal on access_rule (workspace_id, principal_id, rule_id) where principal_id is not null;

-- Whoever changes rules, coffer or somebody with SQL, every instance hears of it.
create function access_rule_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'TRUNCATE' then
    update workspace set access_revision = access_revision + 1;
    perform pg_notify('coffer_access_changed', workspace_id) from workspace;
  else
    update workspace set access_revision = access_revision + 1 where workspace_id in (select workspace_id from changed);
    perform pg_notify('coffer_access_changed', workspace_id) from (select distinct workspace_id from changed) as c;
  end if;
  return null;
end
$$;
create trigger access_rule_inserted after insert on access_rule
  referencing new table as changed for each statement execute function access_rule_changed();
create trigger access_rule_updated_from after update on access_rule
  referencing old table as changed for each statement execute function access_rule_changed();
create trigger access_rule_updated_to after update on access_rule
  referencing new table as changed for each statement execute function access_rule_changed();
create trigger access_rule_deleted after delete on access_rule
  referencing old table as changed for each statement execute function access_rule_changed();
create trigger access_rule_truncated after truncate on access_rule
  for each statement execute function access_rule_changed();

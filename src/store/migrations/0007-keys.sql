-- Keys that callers manage: labels, rotation, and destruction that can be called off until its time.
alter table kms_key
  add column labels jsonb not null default '{}',
  add column revision bigint not null default 1,
  add column update_time timestamptz not null default now(),
  -- When the primary version was made; null: with the key.
  add column rotate_time timestamptz,
  add column rotation_period_days integer check (rotation_period_days between 1 and 3650),
  -- When a job rotates or destroys it. They decide when, not who gets a value, so no MAC covers them.
  add column next_rotate_time timestamptz,
  add column scheduled_destroy_time timestamptz,
  add column destroy_time timestamptz,
  drop constraint kms_key_state_check,
  add constraint kms_key_state_check check (state in ('ACTIVE', 'DISABLED', 'PENDING_DESTRUCTION', 'DESTROYED')),
  add check ((state = 'PENDING_DESTRUCTION') = (scheduled_destroy_time is not null)),
  -- A destroyed key stays for the audit trail and its secrets, and gives its name up.
  drop constraint kms_key_workspace_id_region_name_key;
create unique index kms_key_live_name on kms_key (workspace_id, region, name) where state <> 'DESTROYED';

-- One for each job, so that a look for work that is not there reads one page.
create index kms_key_by_next_rotate_time on kms_key (next_rotate_time) where next_rotate_time is not null and state = 'ACTIVE';
create index kms_key_by_scheduled_destroy_time on kms_key (scheduled_destroy_time) where scheduled_destroy_time is not null;

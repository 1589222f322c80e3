-- What a sandbox carries besides its secrets.
alter table sandbox
  -- Tags: texts by key.
  add column metadata jsonb not null default '{}',
  -- To which hosts it may go at all; null: to those that its secrets and its workspace allow. The MAC of the row covers it.
  add column network jsonb,
  -- The names of its variables. The variables are sealed as secrets are: people put secrets there.
  add column env_keys text[] not null default '{}',
  add column env_envelope bytea,
  add column env_kms_key_id text,
  add column env_kms_key_version integer;

-- The secrets that a sandbox has let go last.
create index sandbox_binding_let_go on sandbox_binding (workspace_id, sandbox_id, revoke_time) where revoke_time is not null;

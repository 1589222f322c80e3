-- The first schema. Tenants' tables have keys that begin with workspace_id; deployment, workspace, principal and api_token are
-- how a tenant is found in the first place.

create table deployment (
  singleton boolean primary key default true check (singleton),
  deployment_id text not null,
  root_key_id text not null,
  wrapped_key bytea not null,
  create_time timestamptz not null default now()
);

create table workspace (
  workspace_id text primary key,
  display_name text not null,
  purge_retention_days integer not null check (purge_retention_days between 0 and 90),
  revision bigint not null default 1,
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now()
);

create table principal (
  principal_id text primary key,
  kind text not null check (kind in ('USER', 'SERVICE')),
  display_name text not null,
  create_time timestamptz not null default now()
);

create table workspace_member (
  workspace_id text not null references workspace,
  principal_id text not null references principal,
  role text not null check (role in ('VIEWER', 'OPERATOR', 'ADMIN', 'OWNER')),
  create_time timestamptz not null default now(),
  mac bytea not null,
  primary key (workspace_id, principal_id)
);
create index workspace_member_by_principal on workspace_member (principal_id);

create table api_token (
  token_id text collate "C" primary key,
  lookup_id text not null unique,
  principal_id text not null references principal,
  -- The only workspace it reaches; null: all of its principal's.
  workspace_id text references workspace,
  display_name text not null,
  prefix text not null,
  scopes text[] not null,
  secret_hash bytea not null,
  create_time timestamptz not null default now(),
  expire_time timestamptz,
  revoke_time timestamptz,
  mac bytea not null
);
create index api_token_by_workspace on api_token (workspace_id, token_id);
create index api_token_by_principal on api_token (principal_id, token_id);

create table kms_key (
  workspace_id text not null references workspace,
  kms_key_id text not null,
  region text not null,
  name text not null,
  algorithm text not null,
  state text not null check (state in ('ACTIVE', 'DISABLED', 'PENDING_DESTRUCTION')),
  primary_version integer not null,
  create_time timestamptz not null default now(),
  mac bytea not null,
  primary key (workspace_id, kms_key_id),
  unique (workspace_id, region, name)
);

create table kms_key_version (
  workspace_id text not null,
  kms_key_id text not null,
  version integer not null,
  root_key_id text not null,
  wrapped_key bytea not null,
  create_time timestamptz not null default now(),
  primary key (workspace_id, kms_key_id, version),
  foreign key (workspace_id, kms_key_id) references kms_key
);

create table secret (
  workspace_id text not null references workspace,
  secret_id text collate "C" not null,
  region text not null,
  name text not null,
  path text collate "C" not null,
  kind text not null,
  description text not null,
  labels jsonb not null,
  annotations jsonb not null,
  mime_type text not null,
  state text not null check (state in ('ACTIVE', 'SOFT_DELETED')),
  version_aliases jsonb not null,
  version_count integer not null,
  enabled_version_count integer not null,
  current_version integer not null,
  kms_key_id text not null,
  revealable boolean not null,
  revision bigint not null default 1,
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now(),
  delete_time timestamptz,
  purge_time timestamptz,
  expire_time timestamptz,
  last_accessed_time timestamptz,
  mac bytea not null,
  primary key (workspace_id, secret_id),
  foreign key (workspace_id, kms_key_id) references kms_key
);
create unique index secret_active_path on secret (workspace_id, region, path) where state = 'ACTIVE';
create index secret_by_path on secret (workspace_id, path, secret_id);

create table secret_version (
  workspace_id text not null,
  secret_id text collate "C" not null,
  version_number integer not null,
  version_id text not null,
  state text not null check (state in ('ENABLED', 'DISABLED', 'DESTROYED')),
  comment text not null,
  revision bigint not null default 1,
  payload_form text not null check (payload_form in ('data', 'key_values')),
  -- Null once destroyed.
  envelope bytea,
  kms_key_id text not null,
  kms_key_version integer not null,
  create_time timestamptz not null default now(),
  destroy_time timestamptz,
  mac bytea not null,
  primary key (workspace_id, secret_id, version_number),
  unique (workspace_id, version_id),
  foreign key (workspace_id, secret_id) references secret,
  check ((state = 'DESTROYED') = (envelope is null))
);

create table idempotency (
  workspace_id text not null,
  principal_id text not null,
  method text not null,
  key text not null,
  fingerprint bytea not null,
  fingerprint_key_version integer not null,
  resource_type text not null,
  resource_id text not null,
  create_time timestamptz not null default now(),
  primary key (workspace_id, principal_id, method, key)
);
create index idempotency_by_create_time on idempotency (create_time);

create table audit_event (
  -- Empty when the call named no workspace.
  workspace_id text not null,
  event_id text collate "C" not null,
  event_time timestamptz not null default clock_timestamp(),
  request_id text not null,
  principal_id text not null,
  token_id text not null,
  method text not null,
  resource_type text not null,
  resource_id text not null,
  version_number integer,
  decision text not null check (decision in ('ALLOW', 'DENY')),
  rule text not null,
  address text not null,
  user_agent text not null,
  result text not null,
  occurrences integer not null,
  primary key (workspace_id, event_id)
);
create index audit_event_by_resource on audit_event (workspace_id, resource_id, event_id);

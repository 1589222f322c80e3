-- Secrets that go into requests of sandboxes, which hold placeholders in their place.
alter table secret
  -- To which hosts it may go, and into which header; null: nowhere.
  add column egress_rule jsonb,
  add column egress_mac bytea,
  add column last_used_time timestamptz;

alter table workspace
  -- What becomes of requests to hosts that no bound secret is for.
  add column egress_unmatched text not null default 'DENY' check (egress_unmatched in ('DENY', 'ALLOW'));

create table sandbox (
  workspace_id text not null references workspace,
  sandbox_id text collate "C" not null,
  name text not null,
  lookup_id text not null unique,
  token_hash bytea not null,
  -- The only address it may call from; null: any.
  source_address text,
  create_time timestamptz not null default now(),
  delete_time timestamptz,
  mac bytea not null,
  primary key (workspace_id, sandbox_id)
);

create table sandbox_binding (
  workspace_id text not null,
  sandbox_id text collate "C" not null,
  env_key text not null,
  secret_id text collate "C" not null,
  placeholder text not null,
  create_time timestamptz not null default now(),
  -- A placeholder that was let go stays known, so that a request with it is refused and seen.
  revoke_time timestamptz,
  mac bytea not null,
  primary key (workspace_id, sandbox_id, placeholder),
  foreign key (workspace_id, sandbox_id) references sandbox
);
create unique index sandbox_binding_env_key on sandbox_binding (workspace_id, sandbox_id, env_key) where revoke_time is null;
create index sandbox_binding_by_secret on sandbox_binding (workspace_id, secret_id) where revoke_time is null;

create table egress_event (
  workspace_id text not null,
  event_id text collate "C" not null,
  event_time timestamptz not null default now(),
  sandbox_id text not null,
  -- Null for a request without a swapped secret.
  secret_id text,
  method text not null,
  host text not null,
  -- Without its query.
  path text not null,
  -- What the sandbox was answered.
  status integer not null,
  -- What the host answered; null when it was not asked, or did not.
  upstream_status integer,
  latency_ms integer not null,
  request_bytes bigint not null,
  response_bytes bigint not null,
  error_code text not null,
  primary key (workspace_id, event_id)
);
create index egress_event_by_secret on egress_event (workspace_id, secret_id, event_id);
create index egress_event_by_sandbox on egress_event (workspace_id, sandbox_id, event_id);

-- The certificate authority of a workspace, whose key is sealed as secrets are.
create table egress_ca (
  workspace_id text not null references workspace,
  ca_id text not null,
  certificate text not null,
  envelope bytea not null,
  kms_key_id text not null,
  kms_key_version integer not null,
  create_time timestamptz not null default now(),
  mac bytea not null,
  primary key (workspace_id)
);

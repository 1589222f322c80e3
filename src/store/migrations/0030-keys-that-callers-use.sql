-- Keys that callers encrypt and sign with: what is said about them, and what was decided when they were made.
alter table kms_key
  add column description text not null default '',
  add column annotations jsonb not null default '{}',
  -- Whether the material may leave coffer. It never changes, and the MAC covers it.
  add column export_allowed boolean not null default false,
  -- Whether the material of version 1 came from the caller.
  add column imported boolean not null default false,
  -- False: an imported key whose material stays the only one.
  add column rotation_allowed boolean not null default true;

-- Names may have spaces. In URLs and references a key is called by its name with `-` for each space, so that must be unique too.
create unique index kms_key_live_slug on kms_key (workspace_id, region, replace(name, ' ', '-')) where state <> 'DESTROYED';

-- The private RSA key of each workspace and region whose public key wraps material that is imported. Sealed as key versions are.
create table import_wrapping_key (
  workspace_id text not null references workspace,
  region text not null,
  root_key_id text not null,
  wrapped_key bytea not null,
  create_time timestamptz not null default now(),
  primary key (workspace_id, region)
);

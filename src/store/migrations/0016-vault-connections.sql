-- Vaults elsewhere, whose fields versions of secrets may refer to instead of holding a value.
create table vault_connection (
  workspace_id text not null references workspace,
  vault_connection_id text collate "C" not null,
  name text not null,
  description text not null,
  vault_type text not null check (vault_type in ('ONEPASSWORD', 'DOPPLER', 'INFISICAL')),
  -- Empty: the vendor's own.
  base_url text not null,
  -- What is no secret of it, by the names of the fields.
  config jsonb not null,
  -- Counts the credentials it has had: they are sealed for this number.
  credentials_version integer not null,
  envelope bytea not null,
  kms_key_id text not null,
  kms_key_version integer not null,
  last_verified_time timestamptz,
  revision bigint not null default 1,
  created_by text not null,
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now(),
  mac bytea not null,
  primary key (workspace_id, vault_connection_id),
  foreign key (workspace_id, kms_key_id) references kms_key
);
create unique index vault_connection_name on vault_connection (workspace_id, name);

alter table secret_version
  -- By which its reference is resolved; null: it holds its value itself. It stays when the version is destroyed, as its MAC covers it.
  add column vault_connection_id text,
  drop constraint secret_version_payload_form_check,
  add constraint secret_version_payload_form_check check (payload_form in ('data', 'key_values', 'reference')),
  add check ((payload_form = 'reference') = (vault_connection_id is not null));
create index secret_version_by_vault_connection on secret_version (workspace_id, vault_connection_id)
  where vault_connection_id is not null;

-- Whether credentials work at the services they are for, and what belongs to a credential without being secret.

alter table secret
  -- Public parts of a credential by name, such as a username: given once, they stay with every version.
  add column credential_fields jsonb not null default '{}',
  -- Null for kinds that are no credentials. What follows is about validation_version, and none of it is part of the secret's revision.
  add column validation_state text check (validation_state in ('UNSPECIFIED', 'VALID', 'INVALID')),
  add column validation_version integer not null default 0,
  add column validation_error text not null default '',
  add column validate_time timestamptz,
  -- Tries in a row that told nothing.
  add column validation_failures integer not null default 0,
  -- When it is to be tried next; null: not before it has another current version.
  add column validate_after timestamptz,
  -- Until when somebody is trying it, who may die meanwhile.
  add column validation_lease timestamptz;

update secret set validation_state = 'UNSPECIFIED', validate_after = now()
  where kind like 'cloud\_provider/%' or kind in ('oci_registry', 'cloudflare_api');

create index secret_by_validate_after on secret (validate_after)
  where validate_after is not null and state = 'ACTIVE' and current_version > 0;

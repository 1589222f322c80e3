-- How far a job has got with moving the versions of secrets to the primary version of their key. An index of the versions that are
-- left would have to be paid for by every secret that is created, so the job walks along the primary key instead.
alter table kms_key
  -- When the job goes on; null: no version is left under an older version of the key.
  add column rewrap_after timestamptz,
  -- When the pass under way has begun, and up to where it has got.
  add column rewrap_pass_time timestamptz,
  add column rewrap_secret_id text collate "C",
  add column rewrap_version_number integer,
  -- How long to wait before another pass, if this one has left something behind.
  add column rewrap_retry_ms integer;
create index kms_key_by_rewrap_after on kms_key (rewrap_after) where rewrap_after is not null and state = 'ACTIVE';

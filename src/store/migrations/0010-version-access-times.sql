-- When the value of a version was last returned: noted behind the answers, as for secrets.
alter table secret_version
  add column last_accessed_time timestamptz;

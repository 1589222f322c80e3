-- Tokens are changed by rotation, so they have an etag; when they were last used is noted behind the calls.
alter table api_token
  add column revision bigint not null default 1,
  add column last_used_time timestamptz;

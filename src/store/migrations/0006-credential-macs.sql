-- What decides where a credential is sent carries a MAC of its own, which values that are only read need not pay for. The step of
-- this name in src/start.ts signs the credentials that are there already, in this migration's transaction.
alter table secret
  -- Null for kinds that are no credentials.
  add column credential_mac bytea;

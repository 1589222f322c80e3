-- A number beside the id, for clients that page by numbers.
alter table egress_event add column event_number bigint generated always as identity;
create index egress_event_by_secret_number on egress_event (workspace_id, secret_id, event_number);

-- Secrets that may be sent somewhere, newest last.
create index secret_with_egress_rule on secret (workspace_id, secret_id) where egress_rule is not null;

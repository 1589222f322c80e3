-- Without a transaction. The index is made beside the service, which goes on writing meanwhile.

-- What somebody did, newest first.
drop index concurrently if exists audit_event_by_principal;
create index concurrently audit_event_by_principal on audit_event (workspace_id, principal_id, event_time, event_id);

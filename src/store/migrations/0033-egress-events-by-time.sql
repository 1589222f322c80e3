-- The network log of a sandbox is read by time, newest first.
create index egress_event_by_sandbox_time on egress_event (workspace_id, sandbox_id, event_time, event_number);

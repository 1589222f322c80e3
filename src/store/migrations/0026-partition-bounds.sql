-- Reads along both tables, while they are read and written. Only the index of egress events keeps writers of these waiting.
alter table audit_event validate constraint partition_bound;
alter table egress_event validate constraint partition_bound;
create unique index egress_event_by_id on egress_event (workspace_id, event_id, event_time);

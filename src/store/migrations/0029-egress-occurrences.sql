-- Refusals of a sandbox that repeat within seconds are one event.
alter table egress_event add column occurrences integer not null default 1;

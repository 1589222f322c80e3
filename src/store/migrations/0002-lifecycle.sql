-- What the jobs look for, versions that are to be destroyed later, and an audit trail that can be read by time.

alter table secret_version
  -- When a job destroys it. It decides when a value goes, not who gets it, so no MAC covers it.
  add column scheduled_destroy_time timestamptz,
  add check (scheduled_destroy_time is null or state = 'DISABLED');

-- One for each job, so that a look for work that is not there reads one page.
create index secret_by_purge_time on secret (purge_time) where state = 'SOFT_DELETED';
create index secret_by_expire_time on secret (expire_time) where state = 'ACTIVE' and expire_time is not null;
create index secret_version_by_scheduled_destroy_time on secret_version (scheduled_destroy_time)
  where scheduled_destroy_time is not null;

-- By the database's time, which is what readers ask for; ids sort by the clocks of the instances. No more indexes than before:
-- every value that is read pays for each of them.
alter table audit_event
  drop constraint audit_event_pkey,
  add primary key (workspace_id, event_time, event_id);
drop index audit_event_by_resource;
create index audit_event_by_resource on audit_event (workspace_id, resource_id, event_time, event_id);

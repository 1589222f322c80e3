-- Events are partitioned by month, so that they are dropped by whole partitions. What was there becomes the first partition as it is. The
-- last partition has no end, so that an insert never lacks one; a job divides it before its time comes.
alter table egress_event drop constraint egress_event_pkey;
alter table egress_event add constraint egress_event_pkey primary key using index egress_event_by_id;

do $$
declare
  parent text;
  bound timestamptz;
begin
  foreach parent in array array['audit_event', 'egress_event'] loop
    select substring(pg_get_constraintdef(c.oid) from '''([^'']+)''')::timestamptz into strict bound
      from pg_constraint c where c.conrelid = parent::regclass and c.conname = 'partition_bound';
    execute format('alter table %I rename to %I', parent, parent || '_before');
    execute format('create table %I (like %I including all) partition by range (event_time)', parent, parent || '_before');
    execute format('alter table %I drop constraint partition_bound', parent);
    execute format('alter table %I attach partition %I for values from (minvalue) to (%L)', parent, parent || '_before', bound);
    execute format('alter table %I drop constraint partition_bound', parent || '_before');
    execute format('create table %I partition of %I for values from (%L) to (maxvalue)',
      parent || '_p' || to_char(bound at time zone 'UTC', 'YYYY_MM'), parent, bound);
  end loop;
end
$$;
alter sequence egress_event_number owned by egress_event.event_number;

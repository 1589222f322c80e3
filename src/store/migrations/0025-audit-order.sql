-- Events get the number of the transaction that wrote them, so that a follower and the seals have an order that no commit slips
-- behind. Null: written before this.
alter table audit_event add column xact bigint;
alter table audit_event alter column xact set default pg_current_xact_id()::text::bigint;

-- A sequence of its own: Postgres attaches no table with an identity column to a partitioned one.
alter table egress_event alter column event_number drop identity;
create sequence egress_event_number owned by egress_event.event_number;
select setval('egress_event_number', coalesce((select max(event_number) from egress_event), 0) + 1, false);
alter table egress_event alter column event_number set default nextval('egress_event_number');

-- Up to when what is there will be one partition. Checked by the next migration, without holding anybody up.
do $$
declare
  bound text := to_char(date_trunc('month', (now() + interval '10 days') at time zone 'UTC') + interval '1 month', 'YYYY-MM-DD');
begin
  execute format('alter table audit_event add constraint partition_bound check (event_time < %L) not valid', bound || ' 00:00:00+00');
  execute format('alter table egress_event add constraint partition_bound check (event_time < %L) not valid', bound || ' 00:00:00+00');
end
$$;

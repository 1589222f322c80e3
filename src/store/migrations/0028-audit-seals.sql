-- Seals chain the committed events of a workspace, so that one that is missing or changed leaves a sign.
create table audit_seal (
  -- Empty for events of calls that named no workspace.
  workspace_id text not null,
  seal_number integer not null,
  -- The day on which it was written, and the month that its events are of: a seal is extended until either is another.
  seal_day date not null,
  event_month date not null,
  -- The transactions whose events it covers, without the last.
  from_xact bigint not null,
  to_xact bigint not null,
  first_time timestamptz not null,
  last_time timestamptz not null,
  event_count bigint not null,
  -- No event of a later transaction is older.
  low_time timestamptz not null,
  chain bytea not null,
  mac bytea not null,
  primary key (workspace_id, seal_number)
);

-- What is known of the order in which transactions write; one row.
create table audit_horizon (
  singleton boolean primary key default true check (singleton),
  low_xact bigint not null,
  low_time timestamptz not null,
  next_xact bigint not null,
  next_time timestamptz not null
);

-- Before which time events were dropped because their retention has passed; one row, under a MAC.
create table audit_cut (
  singleton boolean primary key default true check (singleton),
  before_time timestamptz not null,
  mac bytea not null
);

-- How much a workspace may hold.
alter table workspace
  add column tier text not null default 'ENTERPRISE' check (tier in ('FREE', 'PRO', 'ENTERPRISE'));

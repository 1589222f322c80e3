-- The principal that made a secret; null for those that were made before this was noted.
alter table secret add column created_by text;

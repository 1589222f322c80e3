-- Without a transaction. The indexes are made beside the service, which goes on writing meanwhile.
-- What lists can be asked for: without these, a page of something that is rare reads all secrets of its workspace.

-- The labels of each workspace by themselves: those of others, however common, are not read. Found at once: what waits to be put in
-- its place would be read by every list.
drop index concurrently if exists secret_by_labels;
create index concurrently secret_by_labels on secret
  using gin (jsonb_set('{}'::jsonb, array[workspace_id], labels) jsonb_path_ops) with (fastupdate = off);

drop index concurrently if exists secret_by_kind;
create index concurrently secret_by_kind on secret (workspace_id, kind collate "C", path, secret_id);

drop index concurrently if exists secret_deleted_by_path;
create index concurrently secret_deleted_by_path on secret (workspace_id, path, secret_id) where state <> 'ACTIVE';

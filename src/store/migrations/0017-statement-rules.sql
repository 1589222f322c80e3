-- Rules that came with the access policy of a secret: they are for that secret alone.
alter table access_rule
  -- Null: made by itself. Not covered by the MAC: it decides when the rule goes, not what it allows.
  add column source_secret_id text collate "C";
create index access_rule_by_source on access_rule (workspace_id, source_secret_id) where source_secret_id is not null;

-- However a secret gives up its path, whatever takes the path next inherits nothing.
create function secret_left_its_path() returns trigger language plpgsql as $$
begin
  delete from access_rule where workspace_id = old.workspace_id and source_secret_id = old.secret_id;
  return null;
end
$$;
create trigger secret_moved after update of path, region, state on secret for each row
  when ((new.path, new.region) <> (old.path, old.region) or (old.state = 'ACTIVE' and new.state <> 'ACTIVE'))
  execute function secret_left_its_path();
create trigger secret_removed after delete on secret for each row
  when (old.state = 'ACTIVE')
  execute function secret_left_its_path();

-- The step of this name in src/start.ts signs the secrets and workspaces that are there, in this migration's transaction. It is a
-- migration of its own, so that nothing waits for it: the tables were changed by the one before.
select 1;

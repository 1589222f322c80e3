-- What a new secret refers to is checked once: its key belongs to a workspace that exists.
alter table secret drop constraint secret_workspace_id_fkey;

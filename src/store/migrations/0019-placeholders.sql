-- Whose a placeholder is that stands in a request of a sandbox which does not hold it.
create unique index sandbox_binding_placeholder on sandbox_binding (workspace_id, placeholder);

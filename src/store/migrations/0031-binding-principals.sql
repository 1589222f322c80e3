-- The principal that bound the secret: what a statement of an access policy keeps from it, the proxy keeps from its bindings.
alter table sandbox_binding
  -- Null: bound before this was noted, under the MAC of that time.
  add column bound_by text;

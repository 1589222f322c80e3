-- Access policies may name a principal by its display name, so SQL must not be able to give a principal somebody's name. The step of this
-- migration's name in src/start.ts signs the members that are there.
alter table principal
  -- Null: known by its JWT, and named by its id alone.
  add column mac bytea;

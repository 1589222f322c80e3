-- Whose fields a value is made of, for kinds of credentials that have several ways to prove who one is.
alter table secret add column auth_method text not null default '';

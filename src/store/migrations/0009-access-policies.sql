-- From where and when the values of a secret may be read and written. It is text in one form, not jsonb, because the secret's MAC
-- covers it; without a policy that MAC is as it was before.
alter table secret
  -- Null: no policy.
  add column access_policy text;

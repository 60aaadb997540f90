#!lua flags=allow-oom
-- paid(keys=[queue], args=[member, deadline, member, deadline, ...])
--   The slots of these writers are empty. One that has failed again meanwhile, with a later deadline, stays owed.
--
-- $member    $pk:$token
-- $deadline  as it was when the slots were emptied

for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', OWED, ARGV[i]) == ARGV[i + 1] then
    redis.call('ZREM', OWED, ARGV[i])
  end
end

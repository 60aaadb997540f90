#!lua flags=allow-oom
-- release(keys=[queue], args=[pk...])
--   Gives claimed rows back to the head of the list: the database was unavailable.

for i = #ARGV, 1, -1 do
  if redis.call('ZREM', CLAIMED, ARGV[i]) == 1 then
    redis.call('LPUSH', QUEUE, ARGV[i])
  end
end

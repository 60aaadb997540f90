#!lua flags=allow-oom
-- retry(keys=[queue], args=[pk...])
--   Gives dead letters back to the end of the list. Returns how many of these rows were dead.

local retried = 0
for _, pk in ipairs(ARGV) do
  if redis.call('HDEL', DEAD, pk) == 1 then
    redis.call('HDEL', REAPED, pk)
    redis.call('RPUSH', QUEUE, pk)
    retried = retried + 1
  end
end
return retried

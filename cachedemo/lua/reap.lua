#!lua flags=allow-oom
-- reap(keys=[queue], args=[limit])
--   Gives claims past their deadline back to the head of the list, and forgets deletions that are long over.
--   Returns the $pk:$token of the writers past theirs, whose slots somebody must empty.
--
-- $limit  how many of each at most

local time = digits(now())
for _, pk in ipairs(redis.call('ZRANGEBYSCORE', CLAIMED, '-inf', time, 'LIMIT', 0, ARGV[1])) do
  redis.call('ZREM', CLAIMED, pk)
  redis.call('HINCRBY', REAPED, pk, 1)
  redis.call('LPUSH', QUEUE, pk)
end
redis.call('ZREMRANGEBYSCORE', GONE, '-inf', time)
return {redis.call('ZRANGEBYSCORE', OWED, '-inf', time, 'LIMIT', 0, ARGV[1]), redis.call('HKEYS', VERSIONS)}

#!lua flags=allow-oom
-- reap(keys=[queue], args=[limit])
--   Gives claims past their deadline back to the head of the list (parked rows to its end), and forgets deletions that are long over.
--   Returns the $pk:$token and deadline of the writers past theirs, whose slots somebody must empty, and the versions.
--
-- $limit  how many of each at most

local time = digits(now())
for _, pk in ipairs(redis.call('ZRANGEBYSCORE', CLAIMED, '-inf', time, 'LIMIT', 0, ARGV[1])) do
  redis.call('ZREM', CLAIMED, pk)
  local lost = redis.call('HINCRBY', REAPED, pk, 1) > 0  -- a row that was parked begins below zero
  redis.call(lost and 'LPUSH' or 'RPUSH', QUEUE, pk)
end
redis.call('ZREMRANGEBYSCORE', GONE, '-inf', time)
redis.call('ZREMRANGEBYSCORE', FLUSHERS, '-inf', time)
local owed = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', OWED, '-inf', time, 'LIMIT', 0, ARGV[1])) do
  owed[#owed + 1] = member
  owed[#owed + 1] = redis.call('ZSCORE', OWED, member)  -- as it is stored, to the last digit
end
return {owed, redis.call('HKEYS', VERSIONS)}

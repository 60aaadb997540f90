#!lua flags=allow-oom
-- reap(keys=[queue], args=[limit, claim_for, owed_for])
--   Gives claims past their deadline back to the head of the list (parked rows to its end), and forgets deletions that
--   are long over.
--   Returns the $pk:$token and deadline of the writers past theirs, whose slots somebody must empty, and the versions.
--
-- $limit      how many of each at most
-- $claim_for  microseconds, the furthest that a claim's deadline can be off
-- $owed_for   the same of a writer's

local time = digits(now())

-- A deadline that is further off than any can be was noted before this server's clock was set back: it counts from now.
local function bring_forward(key, longest)
  local latest = digits(now() + longest)
  local late = {}
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. latest, '+inf', 'LIMIT', 0, ARGV[1])) do
    late[#late + 1], late[#late + 2] = latest, member
  end
  call_with_all('ZADD', key, late)
end

bring_forward(CLAIMED, ARGV[2])
bring_forward(FLUSHERS, ARGV[2])
bring_forward(OWED, ARGV[3])
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

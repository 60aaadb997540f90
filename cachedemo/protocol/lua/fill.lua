#!lua
-- fill(keys=[slot...], args=[lease, value, lifetime, value, lifetime, ...])
--   A reader puts what it loaded into each slot that still is its own lease, and gives the lease back where it has
--   nothing to put. A writer meanwhile has taken the lease away, so a fill that raced a write is thrown away.
--   Returns a 1 for each slot that was filled and a 0 for each that was not.
--
-- $slot      string: V, N, L or T (see slots.py)
-- $lease     the reader's lease, as it stands in the slot
-- $value     the slot to put there, or '' to give the lease back
-- $lifetime  milliseconds

local filled = {}
for i, key in ipairs(KEYS) do
  local value, lifetime = ARGV[2 * i], ARGV[2 * i + 1]
  filled[i] = 0
  if redis.pcall('GET', key) == ARGV[1] then
    if value == '' then
      redis.call('DEL', key)
    else
      redis.call('SET', key, value, 'PX', lifetime)
      filled[i] = 1
    end
  end
end
return filled

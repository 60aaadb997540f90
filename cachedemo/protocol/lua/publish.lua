#!lua flags=allow-oom
-- publish(keys=[slot, other_version...], args=[stamp, base, value, lifetime])
--   Write-behind shows what the queue has just acknowledged: over the base it was computed from, byte for byte, and
--   over nothing else. Slots of other live versions are emptied. Returns 1 if the value stands in the slot now.
--
-- $slot      string: V, N, L or T (see slots.py)
-- $stamp     the write's stamp, 16 digits
-- $base      the V slot that the value was computed from, or '' if it came from elsewhere
-- $value     the new V slot
-- $lifetime  milliseconds

local slot = redis.pcall('GET', KEYS[1])
local published = 0
if slot then  -- an empty slot stays empty: a newer value may just have been evicted
  if slot == ARGV[2] then
    redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
    published = 1
  elseif type(slot) ~= 'string' or slot:sub(1, 1) ~= 'V' or slot:sub(2, 17) < ARGV[1] then
    redis.call('DEL', KEYS[1])
  end
end
if #KEYS > 1 then
  redis.call('DEL', unpack(KEYS, 2))
end
return published

#!lua flags=allow-oom
-- publish_many(keys=[slot...], args=[stamp, base, value, lifetime, stamp, base, value, lifetime, ...])
--   What publish does, for a writer of many rows, who empties the slots of other versions himself.
--   Returns a 1 for each value that stands in its slot now, and a 0 for each that does not.
--
-- $slot      string: V, N, L or T (see slots.py)
-- $stamp     the write's stamp, 16 digits
-- $base      the V slot that the value was computed from, or '' if it came from elsewhere
-- $value     the new V slot
-- $lifetime  milliseconds

local published = {}
for i, key in ipairs(KEYS) do
  local stamp, base, value, lifetime = unpack(ARGV, 4 * i - 3, 4 * i)
  local slot = redis.pcall('GET', key)
  published[i] = 0
  if slot and slot == base then
    redis.call('SET', key, value, 'PX', lifetime)
    published[i] = 1
  elseif slot and (type(slot) ~= 'string' or slot:sub(1, 1) ~= 'V' or slot:sub(2, 17) < stamp) then
    redis.call('DEL', key)
  end
end
return published

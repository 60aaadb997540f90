#!lua flags=allow-oom
-- finish(keys=[slot, other_version...], args=[token, value, lifetime])
--   The database took the write. Replaces the writer's own mark by the new value, or empties the slot if there is
--   none; leaves nothing there whose age is not known. Slots of other live versions are emptied.
--
-- $slot      string: V, N, L or T (see slots.py)
-- $token     16 characters that name the writer
-- $value     the new slot, or '' to empty it
-- $lifetime  milliseconds

local slot = redis.pcall('GET', KEYS[1])
if slot then  -- an empty slot stays empty: a newer value may just have been evicted
  if ARGV[2] ~= '' and type(slot) == 'string' and slot:sub(1, 17) == 'T' .. ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  else
    redis.call('DEL', KEYS[1])
  end
end
if #KEYS > 1 then
  redis.call('DEL', unpack(KEYS, 2))
end

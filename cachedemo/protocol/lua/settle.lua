#!lua flags=allow-oom
-- settle(keys=[slot...], args=[stamp...])
--   The database has reached $stamp for each row: empties its slot unless it is known to be as new. A lease or a mark
--   goes too, because its holder may be about to put something older there.
--
-- $slot   string: V, N, L or T (see slots.py)
-- $stamp  16 digits

for i, key in ipairs(KEYS) do
  local slot = redis.pcall('GET', key)
  if slot and (type(slot) ~= 'string' or slot:sub(1, 1) ~= 'V' or slot:sub(2, 17) < ARGV[i]) then
    redis.call('DEL', key)
  end
end

#!lua flags=allow-oom
-- settle(keys=[slot...], args=[stamps...])
--   The database has reached a stamp for each row: empties its slot unless it is known to be as new. A lease or a mark
--   goes too, because its holder may be about to put something older there.
--
-- $slot    string: V, N, L or T (see slots.py)
-- $stamps  16 digits for each slot, in as many pieces as one likes

local VALUE = 86  -- a V
local AT_ONCE = 100  -- of them are in memory at a time: bodies may be large
local stamps = table.concat(ARGV)

for first = 1, #KEYS, AT_ONCE do
  local last = math.min(first + AT_ONCE - 1, #KEYS)
  local slots = redis.call('MGET', unpack(KEYS, first, last))
  for i = first, last do
    local slot = slots[i - first + 1]
    if slot and (slot:byte() ~= VALUE or slot:sub(2, 17) < stamps:sub(16 * i - 15, 16 * i)) then redis.call('DEL', KEYS[i]) end
  end
end

#!lua flags=allow-oom
-- bury(keys=[queue], args=[pk, letter, claimed, field, stamp, value, deltas, delta, last, ..., field, stamp, ...])
--   The database has refused these fields: flags those that still are what was refused, and makes a dead letter of the
--   row. They stay, so reads still return what was acknowledged. What else waits stays in line, or goes back to the list.
--   Refused increments become a value, what they would have made of the row; later ones stand behind it.
--   The slot is owed: the writer of a field may have died before it was shown, and no flush will settle it.
--   Returns 1 if the row is a dead letter because of it.
--
-- $pk             the row
-- $letter         JSON: refused stamps, error
-- $claimed        1 if it comes from a flush, which gives its claim back
-- $field $stamp   what was refused: its name, and the first 16 characters of what waits
-- $value          JSON value that takes the place of increments; '' if none does
-- $deltas         how many entries it takes the place of; they follow
-- $delta $last    each of them: its name, and the first 16 characters of what waits

local pk, letter = ARGV[1], ARGV[2]
local fields, refused, _, foreign = waiting_fields(pk)
local was_in_line = is_in_line(pk, fields, refused)
local held = ARGV[3] == '1' and redis.call('ZREM', CLAIMED, pk) == 1

if foreign then  -- nothing in it can be flagged
  if held then
    redis.call('HSET', DEAD, pk, letter)
    redis.call('ZADD', PENDING, NOT_IN_LINE, pk)
  end
  return held and 1 or 0
end

local values, buried = {}, 0
for i = 1, #fields, 2 do values[fields[i]] = fields[i + 1] end

local function still_waits(name, stamp)
  return values[name] ~= nil and values[name]:sub(1, 16) == stamp
end

-- The entries from `first` on, and whether each still is what was refused: somebody may have written or replaced them.
local function those_replaced(first, count)
  local names, all = {}, true
  for i = first, first + 2 * count - 1, 2 do
    names[#names + 1] = ARGV[i]
    all = all and still_waits(ARGV[i], ARGV[i + 1])
  end
  return names, all
end

local function flag(name, value)
  redis.call('HSET', row(pk), FLAG .. name, flag_of(value))
  buried = 1
end

local i = 4
while i <= #ARGV do
  local field, stamp, value, count = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  if value == '' then
    if still_waits(field, stamp) then flag(field, values[field]) end
  else
    local names, all = those_replaced(i + 4, count)
    if all then
      redis.call('HDEL', row(pk), unpack(names))
      redis.call('HSET', row(pk), field, stamp .. value)
      flag(field, stamp)
    end
  end
  i = i + 4 + 2 * count
end
if buried == 1 then
  redis.call('HSET', DEAD, pk, letter)
  owe({pk})
end
put_in_place(pk, was_in_line and not held)
return buried

#!lua flags=allow-oom
-- bury(keys=[queue], args=[pk, letter, claimed, field, stamp, field, stamp, ...])
--   The database has refused these fields: flags those that still are what was refused, and makes a dead letter of the
--   row. They stay, so reads still return what was acknowledged. What else waits stays in line, or goes back to the list.
--   The slot is owed: the writer of a field may have died before it was shown, and no flush will settle it.
--   Returns 1 if the row is a dead letter because of it.
--
-- $pk             the row
-- $letter         JSON: refused stamps, error
-- $claimed        1 if it comes from a flush, which gives its claim back
-- $field $stamp   what was refused: its name, and the first 16 characters of what waits

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
for i = 4, #ARGV, 2 do
  local value = values[ARGV[i]]
  if value and value:sub(1, 16) == ARGV[i + 1] then
    redis.call('HSET', row(pk), FLAG .. ARGV[i], flag_of(value))
    buried = 1
  end
end
if buried == 1 then
  redis.call('HSET', DEAD, pk, letter)
  owe({pk})
end
put_in_place(pk, was_in_line and not held)
return buried

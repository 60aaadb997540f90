#!lua flags=allow-oom
-- refile(keys=[queue], args=[old, new, passed])
--   A release before this one has filed writes of a row under a text that names it no more: files them under the one
--   that does. Of a field that waits under both, the newer write stays, with its flag. The slots of both are owed.
--   A write that the row has passed gets a new stamp, or it would never be written: a writer who did not see it has
--   written something else. Not while somebody flushes or writes the row, who would drop what he has not seen.
--   Returns 1 if it was done.
--
-- $old $new  the texts
-- $passed    the stamp of the row

local old, new = ARGV[1], ARGV[2]
local fields, refused, _, foreign = waiting_fields(old)
local known, known_refused, _, known_foreign = waiting_fields(new)
if foreign or known_foreign or redis.call('ZSCORE', CLAIMED, new) or under_way()[new] then return 0 end

local values = {}
for i = 1, #known, 2 do values[known[i]] = known[i + 1] end
local was_in_line = #known > 0 and is_in_line(new, known, known_refused)
local function new_stamp()
  return next_stamp(math.max(tonumber(ARGV[3]), newest(known)))
end

-- Increments stand behind the value that they were added to, also where that gets a new stamp.
local function move_those_behind(field, since)
  for i = 1, #known, 2 do
    local of, first = field_of(known[i])
    if first and of == field and first > since then
      local stamp = new_stamp()
      redis.call('HDEL', row(new), known[i])
      redis.call('HSET', row(new), field .. DELTA .. stamp, stamp .. known[i + 1]:sub(17))
    end
  end
end

for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if not values[name] or values[name]:sub(1, 16) < value:sub(1, 16) then
    local stamp = proper(tonumber(value:sub(1, 16)))
    if stamp ~= 0 and stamp <= tonumber(ARGV[3]) then
      value = new_stamp() .. value:sub(17)
      move_those_behind(name, fields[i + 1]:sub(1, 16))
    end
    redis.call('HDEL', row(new), FLAG .. name)
    redis.call('HSET', row(new), name, value)
    if refused[name] then redis.call('HSET', row(new), FLAG .. name, flag_of(value)) end
  end
end
local letter = redis.call('HGET', DEAD, old)
if letter then redis.call('HSETNX', DEAD, new, letter) end
if redis.call('ZREM', CLAIMED, old) == 0 then redis.call('LREM', QUEUE, 1, old) end
redis.call('DEL', row(old))
redis.call('ZREM', PENDING, old)
redis.call('HDEL', REAPED, old)
redis.call('HDEL', DEAD, old)
local time = digits(now())
redis.call('ZADD', OWED, time, old .. ':cache', time, new .. ':cache')
put_in_place(new, was_in_line)
return 1

-- What waits for a row, for the scripts of a queue: its fields, flags and deltas, and where it stands. Put behind
-- queue.lua, or where a script says "-- rows.lua": what is most often enough to know comes before it there, since each
-- function costs every call of the script.

local FLAG, FLAG_BYTE, FLAGGED = '!', 33, 'true'
local DELTA = '+'

-- Notes, due at once, that the slots of these rows must be emptied.
local function owe(pks)
  bound_owed()
  for _, pk in ipairs(pks) do redis.call('ZADD', OWED, digits(now()), pk .. ':cache') end
end

local function flag_of(value)  -- it is good for the stamp that it names, and for no later one
  return value:sub(1, 16) .. FLAGGED
end

-- The field that an entry is of, and the first stamp in it if it is a delta.
local function field_of(name)
  local place = name:find(DELTA, 2, true)
  if not place then return name end
  return name:sub(1, place - 1), name:sub(place + 1)
end

local function is_packed(text)  -- = and the newest stamp in 16 digits, then the end of a line
  return text:byte() == 61 and text:byte(18) == 10
end

local function unpacked(text)  -- nil if there is a line that is none of ours
  local fields = {}
  for name, stamp, value in text:gmatch('"([^"\n]*)":%[(%d+),([^\n]*)%]\n') do
    fields[#fields + 1], fields[#fields + 2] = name, stamp .. value
  end
  local lines = select(2, text:gsub('\n', '')) - 1
  return lines > 0 and #fields == 2 * lines and fields or nil
end

-- What stands there of a row, name and value in turn, and whether it is packed; an error if it is not ours.
local function fields_of(pk)
  local text = redis.pcall('GET', row(pk))
  if not text then return {}, false end
  if type(text) == 'table' then return redis.pcall('HGETALL', row(pk)), false end
  local fields = is_packed(text) and unpacked(text)
  return fields or {err = 'WRONGTYPE not a row of ours'}, true
end

local BEHIND = 'behind'

-- Deltas of a field whose value is refused were added to that: they wait for what becomes of it, and are refused too.
local function with_those_behind(fields, refused)
  for i = 1, #fields, 2 do
    local field, first = field_of(fields[i])
    if first and refused[field] and not refused[fields[i]] then refused[fields[i]] = BEHIND end
  end
  return fields, refused
end

-- The fields of a row without their flags, name and value in turn, and which of them are refused: name -> true, or
-- BEHIND. A flag is dropped if its field was written anew by a release that knows none.
local function without_flags(pk, raw)
  local values, fields, refused = {}, {}, {}
  for i = 1, #raw, 2 do values[raw[i]] = raw[i + 1] end
  for i = 1, #raw, 2 do
    local name, value = raw[i], raw[i + 1]
    if name:sub(1, 1) ~= FLAG or not values[name:sub(2)] then
      fields[#fields + 1], fields[#fields + 2] = name, value
      local flag = values[FLAG .. name]
      if flag == flag_of(value) then
        refused[name] = true
      elseif flag then
        redis.call('HDEL', row(pk), FLAG .. name)
      end
    end
  end
  return with_those_behind(fields, refused)
end

-- The waiting fields of a row, name and value in turn; which of them are refused; and all of it as it stands there.
-- Nothing, and true in the last place, if the key holds something that is not ours. A packed row becomes a hash: who asks
-- is about to change it.
local function waiting_fields(pk)
  local raw, was_packed = fields_of(pk)
  if raw.err then return {}, {}, {}, true end
  if was_packed then
    redis.call('DEL', row(pk))
    redis.call('HSET', row(pk), unpack(raw))
  end
  for i = 1, #raw, 2 do
    if raw[i]:byte() == FLAG_BYTE then
      local fields, refused = without_flags(pk, raw)
      return fields, refused, raw, false
    end
  end
  return raw, {}, raw, false
end

-- Seals the deltas among these: somebody is about to be handed them, so no later increment may join them.
local function seal(pk, fields)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name:find(DELTA, 2, true) and name:sub(1, 1) ~= FLAG and value:sub(17, 17) ~= '[' then
      fields[i + 1] = value:sub(1, 16) .. '[' .. value:sub(17) .. ']'
      redis.call('HSET', row(pk), name, fields[i + 1])
    end
  end
end

-- Drops the fields that `dropped(name, stamp)` names, with their flags. Returns whether there was one, and one with a flag.
local function drop_fields(pk, fields, refused, dropped)
  local some, flagged = false, false
  for i = 1, #fields, 2 do
    local name = fields[i]
    if dropped(name, fields[i + 1]:sub(1, 16)) then
      redis.call('HDEL', row(pk), name, FLAG .. name)
      some, flagged = true, flagged or refused[name] == true
    end
  end
  return some, flagged
end

-- Nothing waits for these rows any more: takes their ids out of wherever they are.
local function forget(pks)
  call_with_all('ZREM', PENDING, pks)
  if redis.call('EXISTS', REAPED) == 1 then call_with_all('HDEL', REAPED, pks) end
  if call_with_all('ZREM', CLAIMED, pks) == #pks then return end
  for _, pk in ipairs(pks) do
    if redis.call('HDEL', DEAD, pk) == 0 then redis.call('LREM', QUEUE, 1, pk) end
  end
end

local function has_unrefused(fields, refused)
  for i = 1, #fields, 2 do
    if not refused[fields[i]] then return true end
  end
  return false
end

-- Whether a row is in the list or claimed, by what waits for it.
local function is_in_line(pk, fields, refused)
  return has_unrefused(fields, refused) and (next(refused) ~= nil or redis.call('HEXISTS', DEAD, pk) == 0)
end

local NOT_IN_LINE = '+inf'  -- in the place of the stamp: what is only a dead letter does not age

local function oldest_in_line(fields, refused)
  local stamp
  for i = 1, #fields, 2 do
    local each = select(2, field_of(fields[i])) or fields[i + 1]:sub(1, 16)
    if not refused[fields[i]] and (not stamp or each < stamp) then stamp = each end
  end
  return stamp and digits(proper(tonumber(stamp))) or NOT_IN_LINE
end

-- Puts a row where it belongs after its fields or flags have changed; `was_in_line` is from before.
local function put_in_place(pk, was_in_line)
  local fields, refused = waiting_fields(pk)
  if #fields == 0 then
    redis.call('ZREM', PENDING, pk)
  else
    redis.call('ZADD', PENDING, oldest_in_line(fields, refused), pk)
  end
  if next(refused) == nil then redis.call('HDEL', DEAD, pk) end
  local waits = has_unrefused(fields, refused)
  if waits and not was_in_line then
    redis.call('RPUSH', QUEUE, pk)
  elseif not waits then
    redis.call('HDEL', REAPED, pk)
    if was_in_line and redis.call('ZREM', CLAIMED, pk) == 0 then redis.call('LREM', QUEUE, 1, pk) end
  end
end

-- The database has a newer write of the row: drops the waiting fields below its stamp. What is refused is dropped only
-- by a write that names the field. Until now readers laid it over what this write has written, and may have filled slots
-- with it: returns whether there was such a one.
local function supersede(pk, written, named)
  local fields, refused = waiting_fields(pk)
  local was_in_line = #fields > 0 and is_in_line(pk, fields, refused)
  local function is_superseded(name, stamp)
    local is_named = named == '*' or named:find(',' .. field_of(name) .. ',', 1, true) ~= nil
    return stamp < written and (not refused[name] or is_named)
  end
  local dropped, was_shown = drop_fields(pk, fields, refused, is_superseded)
  if dropped then put_in_place(pk, was_in_line) end
  return was_shown
end

-- The rows that a writer of the database is under way to: id -> true.
local function under_way()
  local found = {}
  for _, member in ipairs(redis.call('ZRANGE', OWED, 0, -1)) do
    local pk, token = member:match('^(.*):([^:]*)$')
    if token and token ~= 'cache' and token ~= 'all' then found[pk] = true end
  end
  return found
end

-- The keys of one queue, for the scripts of queue.py and operated_queue.py; put behind the first line of each of them.
--
-- $queue                 list of ids waiting for a flush, each once                         KEYS[1], flush:users
-- {$queue}:pending       sorted set, id -> stamp of its oldest write in line, or +inf if it is only a dead letter
-- {$queue}:row:$pk       hash, field -> 16 digits of stamp + JSON value; and, for a field that the database has refused,
--                        its flag: !field -> the same 16 digits + true. Increments that wait are an entry of their own,
--                        field+first -> last + JSON delta, where first and last are stamps: 16 digits. In brackets once
--                        somebody was handed it: it is sealed, and what comes later is another entry
-- {$queue}:claimed       sorted set, id -> deadline (us) of the flush that holds it
-- {$queue}:reaped        hash, id -> how many flushes in a row let their deadline pass
-- {$queue}:dead          hash, id -> JSON: refused stamps, error; an id with a flag is in it
-- {$queue}:owed          sorted set, $pk:$token -> deadline (us) of a writer under way; $pk:cache -> when a slot
--                        could not be reached; :all -> since when all slots must be emptied, because too much was owed
-- {$queue}:gone          sorted set, recently deleted id -> expiry (us)
-- {$queue}:flushers      sorted set, owner of a batch -> its deadline (us), the same as of its rows
-- {$queue}:versions      hash, version -> JSON: since, fields, state
-- {$queue}:clock         string, the last stamp
-- {$queue}:stopped       string, JSON: why nothing can be flushed, since when; gone with the next batch that lands
-- {$queue}:closed        string, JSON: an operator has switched off: run, since, by, state (closing, then closed); or
--                        the queue is kept in several shards: shards, run
-- {$queue}:shards        string, JSON: how many shards are current, and what is under way; see change.lua
-- {$queue}:run           string, the highest number of a change that has touched this shard
-- {$queue}:draining      string, it takes no write-behind until it is flushed
-- {$queue}:opened        string, this shard is current; of one of several shards only
--
-- An id is pending exactly when its row hash exists. It is in line (in the list or claimed) exactly when it has a field
-- without a flag, and dead exactly when it has one with a flag. (A release before flags left dead rows without any.)
-- A plain key hashes like its own name in braces, so all of them live in one hash slot.

local QUEUE = KEYS[1]
local BASE = '{' .. QUEUE .. '}:'
local PENDING, CLAIMED, REAPED = BASE .. 'pending', BASE .. 'claimed', BASE .. 'reaped'
local DEAD, OWED, GONE = BASE .. 'dead', BASE .. 'owed', BASE .. 'gone'
local FLUSHERS, VERSIONS, CLOCK = BASE .. 'flushers', BASE .. 'versions', BASE .. 'clock'
local STOPPED, CLOSED = BASE .. 'stopped', BASE .. 'closed'
local DRAINING, OPENED = BASE .. 'draining', BASE .. 'opened'

local END_OF_STAMPS = 4000000000000000  -- the year 2096

local function row(pk)
  return BASE .. 'row:' .. pk
end

local script_time
local function now()  -- one time for the whole script
  if not script_time then
    local time = redis.call('TIME')
    script_time = time[1] * 1000000 + time[2]
  end
  return script_time
end

local function digits(number)  -- Lua itself would print 1.79e+15
  return string.format('%016.0f', number)
end

-- One command for many arguments, or pairs of them, in pieces that Lua's stack can hold. Returns the sum of the answers.
local function call_with_all(command, key, arguments)
  local sum = 0
  for i = 1, #arguments, 1000 do
    sum = sum + redis.call(command, key, unpack(arguments, i, math.min(i + 999, #arguments)))
  end
  return sum
end

local MOST_OWED, ALL = 100000, ':all'

-- Keeps what is owed within bounds where nobody reaps: beyond so much that is due, all slots of the model are owed.
local function bound_owed()
  local time = digits(now())
  if redis.call('ZCOUNT', OWED, '-inf', time) >= MOST_OWED then
    redis.call('ZREMRANGEBYSCORE', OWED, '-inf', time)
    redis.call('ZADD', OWED, time, ALL)
  end
end

-- Notes, due at once, that the slots of these rows must be emptied.
local function owe(pks)
  bound_owed()
  for _, pk in ipairs(pks) do redis.call('ZADD', OWED, digits(now()), pk .. ':cache') end
end

local FLAG, FLAGGED = '!', 'true'

local function flag_of(value)  -- it is good for the stamp that it names, and for no later one
  return value:sub(1, 16) .. FLAGGED
end

local DELTA = '+'

-- The field that an entry is of, and the first stamp in it if it is a delta.
local function field_of(name)
  local place = name:find(DELTA, 2, true)
  if not place then return name end
  return name:sub(1, place - 1), name:sub(place + 1)
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
-- Nothing, and true in the last place, if the key holds something that is not ours.
local function waiting_fields(pk)
  local raw = redis.pcall('HGETALL', row(pk))
  if raw.err then return {}, {}, {}, true end
  for i = 1, #raw, 2 do
    if raw[i]:sub(1, 1) == FLAG then
      local fields, refused = without_flags(pk, raw)
      return fields, refused, raw, false
    end
  end
  return raw, {}, raw, false
end

-- The stamp, or 0 for one that no queue can have handed out (see stamps.py): it must not drive the clock.
local function proper(stamp)
  return stamp and stamp >= 0 and stamp < END_OF_STAMPS and stamp or 0
end

local function newest(fields)
  local top = 0
  for i = 2, #fields, 2 do
    top = math.max(top, proper(tonumber(fields[i]:sub(1, 16))))
  end
  return top
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

local function next_stamp(floor)
  local last = proper(tonumber(redis.call('GET', CLOCK) or '0'))
  local stamp = digits(math.max(proper(now()), last + 1, proper(floor) + 1))
  redis.call('SET', CLOCK, stamp)
  return stamp
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
  call_with_all('HDEL', REAPED, pks)
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

-- What a process is told of its version: if it is not what it has announced, it fills nothing. While the queue is
-- closed, the note of that stands in its place, for every version and from one moment on.
local function announced(version)
  return redis.call('GET', CLOSED) or redis.call('HGET', VERSIONS, version)
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

-- The versions whose slots a writer must still empty: those that have appeared, or all of them.
local function versions_to_empty(finished, all)
  local found = {}
  for _, version in ipairs(redis.call('HKEYS', VERSIONS)) do
    if all or not finished[version] then found[#found + 1] = version end
  end
  return found
end

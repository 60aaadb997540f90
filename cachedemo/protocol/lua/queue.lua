-- The keys of one queue, for the scripts of flush_queue.py; put behind the first line of each of them.
--
-- $queue                 list of ids waiting for a flush, each once                         KEYS[1], flush:users
-- {$queue}:pending       sorted set, id -> stamp of its oldest waiting write
-- {$queue}:row:$pk       hash, field -> 16 digits of stamp + JSON value
-- {$queue}:claimed       sorted set, id -> deadline (us) of the flush that holds it
-- {$queue}:reaped        hash, id -> how many flushes in a row let their deadline pass
-- {$queue}:dead          hash, id -> JSON: refused stamps, error
-- {$queue}:owed          sorted set, $pk:$token -> deadline (us) of a writer under way; $pk:cache -> when a slot
--                        could not be reached
-- {$queue}:gone          sorted set, recently deleted id -> expiry (us)
-- {$queue}:flushers      sorted set, owner of a batch -> its deadline (us), the same as of its rows
-- {$queue}:versions      hash, version -> JSON: since, fields, state
-- {$queue}:clock         string, the last stamp
-- {$queue}:stopped       string, JSON: why nothing can be flushed, since when; gone with the next batch that lands
--
-- An id is pending exactly when its row hash exists, and then it is in one of list, claimed and dead.
-- A plain key hashes like its own name in braces, so all of them live in one hash slot.

local QUEUE = KEYS[1]
local BASE = '{' .. QUEUE .. '}:'
local PENDING, CLAIMED, REAPED = BASE .. 'pending', BASE .. 'claimed', BASE .. 'reaped'
local DEAD, OWED, GONE = BASE .. 'dead', BASE .. 'owed', BASE .. 'gone'
local FLUSHERS, VERSIONS, CLOCK = BASE .. 'flushers', BASE .. 'versions', BASE .. 'clock'
local STOPPED = BASE .. 'stopped'

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

-- The waiting fields of a row, name and value in turn; none, and true, if the key holds something that is not ours.
local function waiting_fields(pk)
  local fields = redis.pcall('HGETALL', row(pk))
  if fields.err then return {}, true end
  return fields, false
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

local function next_stamp(floor)
  local last = proper(tonumber(redis.call('GET', CLOCK) or '0'))
  local stamp = digits(math.max(proper(now()), last + 1, proper(floor) + 1))
  redis.call('SET', CLOCK, stamp)
  return stamp
end

-- Drops the fields of a row that `dropped(stamp)` names. Returns how many were there and the oldest stamp left.
local function drop_fields(pk, dropped)
  local fields = waiting_fields(pk)
  local oldest
  for i = 1, #fields, 2 do
    local stamp = fields[i + 1]:sub(1, 16)
    if dropped(stamp) then
      redis.call('HDEL', row(pk), fields[i])
    elseif not oldest or stamp < oldest then
      oldest = stamp
    end
  end
  return #fields, oldest
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

-- The database has a newer write of the row: drops the waiting fields below its stamp.
local function supersede(pk, written)
  local there, left = drop_fields(pk, function(stamp) return stamp < written end)
  if there > 0 then
    if left then redis.call('ZADD', PENDING, left, pk) else forget({pk}) end
  end
end

-- The keys of one queue, for the scripts of queue.py and operated_queue.py; put behind the first line of each of them; rows.lua follows.
--
-- $queue                 list of ids waiting for a flush, each once                         KEYS[1], flush:users
-- {$queue}:pending       sorted set, id -> stamp of its oldest write in line, or +inf if it is only a dead letter
-- {$queue}:row:$pk       hash, field -> 16 digits of stamp + JSON value; and, for a field that the database has refused,
--                        its flag: !field -> the same 16 digits + true. Increments that wait are an entry of their own,
--                        field+first -> last + JSON delta, where first and last are stamps: 16 digits. In brackets once
--                        somebody was handed it: it is sealed, and what comes later is another entry.
--                        Or, of a row with nothing but values, a string, packed: = and the newest stamp, and as JSON
--                        field -> [stamp, value], a line each. It becomes a hash once it gets more
-- {$queue}:claimed       sorted set, id -> deadline (us) of the flush that holds it
-- {$queue}:reaped        hash, id -> how many flushes in a row let their deadline pass
-- {$queue}:dead          hash, id -> JSON: refused stamps, error; an id with a flag is in it
-- {$queue}:owed          sorted set, $pk:$token -> deadline (us) of a writer under way; $pk:cache -> when a slot
--                        could not be reached; :all -> since when all slots must be emptied, because too much was owed
-- {$queue}:gone          sorted set, recently deleted id -> expiry (us)
-- {$queue}:flushers      sorted set, owner of a batch -> its deadline (us), the same as of its rows
-- {$queue}:versions      hash, version -> JSON: since, fields, state
-- {$queue}:traces        hash, id -> traceparent of the last write, where somebody traces (spans.py); no script needs it
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

-- The stamp, or 0 for one that no queue can have handed out (see stamps.py): it must not drive the clock.
local function proper(stamp)
  return stamp and stamp >= 0 and stamp < END_OF_STAMPS and stamp or 0
end

-- Whether a row has values only, none of them refused, as most rows have: no name with a flag or a delta's mark in it.
local function is_plain(fields)
  for i = 1, #fields, 2 do
    if fields[i]:find('[!+]') then return false end
  end
  return true
end

local function newest(fields)
  local top = 0
  for i = 2, #fields, 2 do
    top = math.max(top, proper(tonumber(fields[i]:sub(1, 16))))
  end
  return top
end

local function next_stamp(floor)
  local stamp = digits(math.max(proper(now()), proper(floor) + 1))
  local last = proper(tonumber(redis.call('SET', CLOCK, stamp, 'GET') or '0'))
  if last >= tonumber(stamp) then  -- seldom: within the same microsecond, or the server's time was set back
    stamp = digits(last + 1)
    redis.call('SET', CLOCK, stamp)
  end
  return stamp
end

-- What a process is told of its version: if it is not what it has announced, it fills nothing. While the queue is
-- closed, the note of that stands in its place, for every version and from one moment on.
local function announced(version)
  return redis.call('GET', CLOSED) or redis.call('HGET', VERSIONS, version)
end

-- The versions whose slots a writer must still empty: those that have appeared, or all of them.
local function versions_to_empty(finished, all)
  local found = {}
  for _, version in ipairs(redis.call('HKEYS', VERSIONS)) do
    if all or not finished[version] then found[#found + 1] = version end
  end
  return found
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

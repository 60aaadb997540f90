-- For the scripts that change how many shards a queue has, put before each of them; see operations/shard_change.py.
--
-- {$queue}:shards    string, JSON: how many shards are current, what is under way                  only at flush:users
-- {$queue}:run       string, the highest number of an attempt that has touched this shard
-- {$queue}:draining  string, it takes no write-behind while it is flushed empty
-- {$queue}:opened    string, it is current; of flush:users itself, which has no such key, `closed` says if it is not

local SHARDS, RUN = BASE .. 'shards', BASE .. 'run'
local IS_SHARD = QUEUE:find('#%d+/%d+$') ~= nil
local NOTE = redis.call('GET', CLOSED)
local HAS_ENDED = NOTE and NOTE:sub(1, 9) == '{"shards"'

local function is_open()
  if IS_SHARD then return redis.call('EXISTS', OPENED) == 1 end
  return not HAS_ENDED
end

-- Whether a later attempt has been here; else this one is noted.
local function is_overtaken(run)
  if tonumber(redis.call('GET', RUN) or '0') > tonumber(run) then return true end
  redis.call('SET', RUN, run)
  return false
end

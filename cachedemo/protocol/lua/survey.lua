#!lua flags=no-writes,allow-cross-slot-keys
-- survey(keys=[], args=[cursor, count, pattern, prefix, samples, foreign, limit...])
--   Looks at one batch of keys where they are, so that a million of them need not travel.
--   Returns the next cursor and, for each group, its name, keys, keys without a TTL, keys sampled, bytes of these, and
--   how many keys have how long to live: up to each limit, and longer. A key that this user may not look at is counted
--   all the same. A group is a version prefix (v2:user:), or the name of somebody who keeps keys of another kind here.
--
-- $cursor   0 to begin with
-- $count    keys to look at, about
-- $pattern  as for SCAN MATCH
-- $prefix   what stands before every key of ours
-- $samples  of how many keys of a group the memory is asked
-- $foreign  whose the other keys are, as JSON: [Lua pattern, name] each; the first that is found in a key counts
-- $limit    milliseconds, rising

local PREFIX, foreign = ARGV[4], cjson.decode(ARGV[6])

local function group_of(key)
  if key:sub(1, #PREFIX) == PREFIX then
    local ours = key:match('^(v%d+:[^:]+:)', #PREFIX + 1)
    if ours then return ours end
  end
  for _, other in ipairs(foreign) do
    if key:find(other[1]) then return other[2] end
  end
end

-- A number; nil where this user may not look at the key, as at another program's, or may not ask that at all.
local function asked(...)
  local answer = redis.pcall(...)
  return type(answer) == 'number' and answer or nil
end

local answer = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2], 'MATCH', ARGV[3])
local groups, order = {}, {}
for _, key in ipairs(answer[2]) do
  local name = group_of(key)
  local group = groups[name]
  if not group then
    group = {name, 0, 0, 0, 0}
    for place = 7, #ARGV + 1 do group[place - 1] = 0 end
    groups[name] = group
    order[#order + 1] = group
  end
  group[2] = group[2] + 1
  local ttl = asked('PTTL', key)
  if ttl == -1 then
    group[3] = group[3] + 1
  elseif ttl then
    local place = 7
    while place <= #ARGV and ttl > tonumber(ARGV[place]) do place = place + 1 end
    group[place - 1] = group[place - 1] + 1
  end
  local bytes = group[4] < tonumber(ARGV[5]) and asked('MEMORY', 'USAGE', key)
  if bytes then
    group[4] = group[4] + 1
    group[5] = group[5] + bytes
  end
end
return {answer[1], order}

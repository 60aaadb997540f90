#!lua
-- enqueue(keys=[queue], args=[pk, floor, max_pending, field, json, field, json, ...])
--   Takes a write-behind update: from here on it is acknowledged and must not be lost.
--   Returns 'CLOSED', 'GONE', 'FULL', 'OLD RELEASE' (a live version does not know increments) or 'FOREIGN' (the row's
--   key holds something that is not ours) and does nothing, or in one list the stamp, 1 if the list was empty before, how
--   many versions there are and which, for each increment the last stamp before it in its entry, or '', and all pending
--   fields of the row with their flags, or packed.
--
-- $pk           the row
-- $floor        a stamp that the new one must pass: that of the value the writer saw
-- $max_pending  how many rows may wait
-- $field $json  what to write; with a + before the field, what to add to it

local pk = ARGV[1]
local is_ordinary = redis.call('EXISTS', CLOSED, DRAINING, GONE, DEAD) == 0  -- as most often: one question instead of three
if not is_ordinary then
  if redis.call('EXISTS', CLOSED, DRAINING) > 0 then
    return 'CLOSED'
  end
  if tonumber(redis.call('ZSCORE', GONE, pk) or '0') > now() then
    return 'GONE'
  end
end
local text = redis.pcall('GET', row(pk))  -- what is packed; false if nothing waits; an error if there is a hash
if not text and redis.call('ZCARD', PENDING) >= tonumber(ARGV[3]) then
  return 'FULL'
end

local adds, stamp = false, nil
local function is_increment(name)
  return name:byte() == 43  -- a +
end
for i = 4, #ARGV, 2 do adds = adds or is_increment(ARGV[i]) end

local noted = redis.call('HGETALL', VERSIONS)
local function all_know(what)
  for i = 2, #noted, 2 do
    if not noted[i]:find(what, 1, true) then return false end
  end
  return true
end

local function put_in_line()  -- returns 1 if the list was empty before
  redis.call('ZADD', PENDING, stamp, pk)
  return redis.call('RPUSH', QUEUE, pk) == 1 and 1 or 0
end

-- One flat list: lists in a list take longer.
local function answer(first, previous, fields)
  local parts = {stamp, first, #noted / 2}
  for i = 1, #noted, 2 do parts[#parts + 1] = noted[i] end
  for i = 1, #previous do parts[#parts + 1] = previous[i] end
  for i = 1, #fields do parts[#parts + 1] = fields[i] end
  return parts
end

local function is_simple()  -- there are values, and nothing else, here and there
  if adds or #ARGV < 5 or not all_know('"packed"') then return false end
  return not text or type(text) == 'string' and text:byte(18) == 10 and text:find('^=%d+\n{"') ~= nil
end

-- Where the line of a field is, nil if it has none.
local function line_of(body, name)
  if body:sub(2, 1 + #name) == name then
    return 2, body:find('\n', 2, true)
  end
  local first = body:find('\n,' .. name, 2, true)
  if first then return first + 2, body:find('\n', first + 2, true) end
end

if is_simple() then  -- as most often; it stays packed
  stamp = next_stamp(math.max(tonumber(ARGV[2]), text and proper(tonumber(text:sub(2, 17))) or 0))
  local was_in_line = text and (is_ordinary or redis.call('HDEL', DEAD, pk) == 0)  -- a release before flags left some there
  local body = text and text:sub(19) or ''
  for i = 4, #ARGV, 2 do
    local name = '"' .. ARGV[i] .. '":['
    local line = name .. stamp .. ',' .. ARGV[i + 1] .. ']\n'
    local first, last = line_of(body, name)
    if first then
      body = body:sub(1, first - 1) .. line .. body:sub(last + 1)
    elseif body == '' then
      body = '{' .. line .. '}'
    else
      body = body:sub(1, -2) .. ',' .. line .. '}'
    end
  end
  text = '=' .. stamp .. '\n' .. body
  redis.call('SET', row(pk), text)
  return answer(was_in_line and 0 or put_in_line(), {}, {text})
end

-- rows.lua
local fields, refused, raw, foreign = waiting_fields(pk)
if foreign then
  return 'FOREIGN'
end
local waiting = #raw > 0

local MOST_DELTAS, EXACT = 64, 9007199254740992  -- entries of one field; what a double still counts

local function is_delta_of(field, name)
  return name:sub(1, #field + 1) == field .. DELTA
end

-- How many of its last place a delta is, how many places it has, and what stands around it.
local function units(json)
  local quote, sign, whole, part = json:match('^("?)(-?)(%d+)%.?(%d*)"?$')
  return tonumber(sign .. whole .. part), #part, quote
end

local function sum(one, other)  -- nil if it cannot be told exactly
  local count, places, quote = units(one)
  local more, others = units(other)
  local all = math.abs(count + more)
  if places ~= others or all >= EXACT then return nil end
  local text = string.format('%0' .. places + 1 .. '.0f', all)
  if places > 0 then text = text:sub(1, -places - 1) .. '.' .. text:sub(-places) end
  return quote .. (count + more < 0 and '-' or '') .. text .. quote
end

-- Where an increment goes: the name of the entry and the delta in it, both nil if it needs a new one, and the last stamp
-- in it so far; false if there are too many.
local function place_of(field, json)
  local name, value, count, since = nil, nil, 0, ''
  for i = 1, #fields, 2 do
    if is_delta_of(field, fields[i]) then
      count = count + 1
      if not name or fields[i] > name then name, value = fields[i], fields[i + 1] end
    elseif fields[i] == field then
      since = fields[i + 1]:sub(1, 16)
    end
  end
  local joined
  if name and value:sub(17, 17) ~= '[' and value:sub(1, 16) > since then joined = sum(value:sub(17), json) end
  if joined then return {name, joined, value:sub(1, 16)} end
  return count < MOST_DELTAS and {nil, json, ''}
end

local has_deltas = false  -- most rows have none
for i = 1, #fields, 2 do
  if fields[i]:find(DELTA, 2, true) then has_deltas = true end
end

local places = {}
for i = 4, #ARGV, 2 do
  if is_increment(ARGV[i]) then
    places[i] = place_of(ARGV[i]:sub(2), ARGV[i + 1])
    if not places[i] then return 'FULL' end
  end
end
if adds and not all_know('"increments"') then
  return 'OLD RELEASE'
end

stamp = next_stamp(math.max(tonumber(ARGV[2]), newest(raw)))
local was_in_line = waiting and is_in_line(pk, fields, refused)
local is_in_line_now, previous = false, {}

local function unflag(name)  -- what was refused is replaced, and no longer refused
  if refused[name] then
    redis.call('HDEL', row(pk), FLAG .. name)
    refused[name] = nil
  end
end

local function replace(field, json)  -- and all that was to be added to what was there
  redis.call('HSET', row(pk), field, stamp .. json)
  unflag(field)
  for i = 1, #fields, 2 do
    if has_deltas and is_delta_of(field, fields[i]) then
      redis.call('HDEL', row(pk), fields[i])
      unflag(fields[i])
    end
  end
  is_in_line_now = true
end

local function add(field, place)
  redis.call('HSET', row(pk), place[1] or field .. DELTA .. stamp, stamp .. place[2])
  previous[#previous + 1] = place[3]
  if not refused[field] then is_in_line_now = true end
end

for i = 4, #ARGV, 2 do
  if places[i] then add(ARGV[i]:sub(2), places[i]) else replace(ARGV[i], ARGV[i + 1]) end
end
if waiting and next(refused) == nil then
  redis.call('HDEL', DEAD, pk)
end
local first = 0
if is_in_line_now and not was_in_line then first = put_in_line() end
return answer(first, previous, redis.call('HGETALL', row(pk)))

#!lua flags=allow-oom
-- claim(keys=[queue], args=[batch_size, claim_for, max_reaped, owner])
--   Pops ids for one flush and notes its deadline, so that nothing is lost if the flusher dies. An id for which
--   nothing waits any more is skipped; a row that outlived too many flushers comes alone, in case it kills them.
--   What is refused is not handed out.
--   Returns in one list how many versions there are and which, and for each row its id, and what is packed there or an
--   error in words; or how many strings follow, and its pending fields, name and value in turn.
--
-- $batch_size  rows
-- $claim_for   microseconds until the rows are given to somebody else
-- $max_reaped  after so many lost flushes a row comes alone
-- $owner       who takes the batch, for operators to see: host:pid and something of its own

local deadline, size = digits(now() + ARGV[2]), tonumber(ARGV[1])
local some_reaped = redis.call('EXISTS', REAPED) == 1
local versions = redis.call('HKEYS', VERSIONS)
local batch, claims, last = {#versions, unpack(versions)}, {}, 1 + #versions

-- batch.lua
local function is_suspect(pk)
  return tonumber(redis.call('HGET', REAPED, pk) or '0') >= tonumber(ARGV[3])
end

local function put_back(pks, first)
  for i = #pks, first, -1 do redis.call('LPUSH', QUEUE, pks[i]) end
end

local function unrefused(pk)
  local fields, refused = waiting_fields(pk)
  local handed = {}
  for i = 1, #fields, 2 do
    if not refused[fields[i]] then handed[#handed + 1], handed[#handed + 2] = fields[i], fields[i + 1] end
  end
  seal(pk, handed)
  return handed
end

-- What is handed out of a row that is not packed: its fields, or what is wrong in words.
local function flushable(pk)
  local fields = redis.pcall('HGETALL', row(pk))
  if fields.err then return fields.err end
  return is_plain(fields) and fields or unrefused(pk)  -- most often there is nothing to seal, and nothing is refused
end

-- Claims the rows for which something waits, up to a suspect one (it may kill its flusher); returns whether there was one.
-- What it hands out is one flat list: lists in a list take longer.
local function claim(pks)
  local _, texts = strings_of(pks)
  for i = 1, #pks do
    local pk = pks[i]
    local fields = texts[i]
    if not fields or not is_packed(fields) then fields = flushable(pk) end
    if #fields > 0 then
      local suspect = some_reaped and is_suspect(pk)
      local takes = not suspect or #claims == 0
      if takes then
        batch[last + 1], batch[last + 2] = pk, fields
        last = last + 2
        if type(fields) == 'table' then
          batch[last] = #fields
          for j = 1, #fields do batch[last + j] = fields[j] end
          last = last + #fields
        end
        claims[#claims + 1], claims[#claims + 2] = deadline, pk
      end
      if suspect then
        put_back(pks, takes and i + 1 or i)
        return true
      end
    end
  end
  return false
end

redis.call('MGET', QUEUE)  -- where that is forbidden, nothing has been taken yet
while #claims < 2 * size do
  local pks = redis.call('LPOP', QUEUE, size - #claims / 2)
  if not pks or claim(pks) then break end
end
call_with_all('ZADD', CLAIMED, claims)
if #claims > 0 then redis.call('ZADD', FLUSHERS, deadline, ARGV[4]) end
if redis.call('EXISTS', PENDING) == 0 then redis.call('DEL', STOPPED) end  -- nothing waits, so nothing is held up
return batch

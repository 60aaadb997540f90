#!lua flags=allow-oom
-- claim(keys=[queue], args=[batch_size, claim_for, max_reaped, owner])
--   Pops ids for one flush and notes its deadline, so that nothing is lost if the flusher dies. An id for which
--   nothing waits any more is skipped; a row that outlived too many flushers comes alone, in case it kills them.
--   What is refused is not handed out.
--   Returns the versions and, for each row, its id and its pending fields (or an error in words).
--
-- $batch_size  rows
-- $claim_for   microseconds until the rows are given to somebody else
-- $max_reaped  after so many lost flushes a row comes alone
-- $owner       who takes the batch, for operators to see: host:pid and something of its own

local deadline, size = digits(now() + ARGV[2]), tonumber(ARGV[1])
local some_reaped = redis.call('EXISTS', REAPED) == 1
local batch, claims = {}, {}

local function is_suspect(pk)
  return some_reaped and tonumber(redis.call('HGET', REAPED, pk) or '0') >= tonumber(ARGV[3])
end

local function put_back(pks, first)
  for i = #pks, first, -1 do redis.call('LPUSH', QUEUE, pks[i]) end
end

local function flushable(pk)
  local fields, refused, _, foreign = waiting_fields(pk)
  if foreign then return redis.pcall('HGETALL', row(pk)) end
  if next(refused) == nil then
    seal(pk, fields)
    return fields
  end
  local handed = {}
  for i = 1, #fields, 2 do
    if not refused[fields[i]] then handed[#handed + 1], handed[#handed + 2] = fields[i], fields[i + 1] end
  end
  seal(pk, handed)
  return handed
end

-- Claims the rows for which something waits, up to a suspect one (it may kill its flusher); returns whether there was one.
local function claim(pks)
  for i, pk in ipairs(pks) do
    local fields = flushable(pk)
    if fields.err or #fields > 0 then
      local suspect = is_suspect(pk)
      local takes = not suspect or #batch == 0
      if takes then
        batch[#batch + 1] = {pk, fields.err or fields}
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

while #batch < size do
  local pks = redis.call('LPOP', QUEUE, size - #batch)
  if not pks or claim(pks) then break end
end
call_with_all('ZADD', CLAIMED, claims)
if #batch > 0 then redis.call('ZADD', FLUSHERS, deadline, ARGV[4]) end
if redis.call('EXISTS', PENDING) == 0 then redis.call('DEL', STOPPED) end  -- nothing waits, so nothing is held up
return {redis.call('HKEYS', VERSIONS), batch}

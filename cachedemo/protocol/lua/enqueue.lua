#!lua
-- enqueue(keys=[queue], args=[pk, floor, max_pending, field, json, field, json, ...])
--   Takes a write-behind update: from here on it is acknowledged and must not be lost.
--   Returns 'CLOSED', 'GONE', 'FULL' or 'FOREIGN' (the row's key holds something that is not ours) and does nothing, or
--   the stamp, all pending fields of the row with their flags, the versions, and 1 if the list was empty before.
--
-- $pk           the row
-- $floor        a stamp that the new one must pass: that of the value the writer saw
-- $max_pending  how many rows may wait
-- $field $json  what to write

local pk = ARGV[1]
if redis.call('EXISTS', CLOSED) == 1 then
  return 'CLOSED'
end
if tonumber(redis.call('ZSCORE', GONE, pk) or '0') > now() then
  return 'GONE'
end
local waiting = redis.call('ZSCORE', PENDING, pk)
if not waiting and redis.call('ZCARD', PENDING) >= tonumber(ARGV[3]) then
  return 'FULL'
end

local fields, refused, _, foreign = waiting_fields(pk)
if foreign then
  return 'FOREIGN'
end

local stamp = next_stamp(math.max(tonumber(ARGV[2]), newest(fields)))
local was_in_line = waiting and is_in_line(pk, fields, refused)
for i = 4, #ARGV, 2 do
  redis.call('HSET', row(pk), ARGV[i], stamp .. ARGV[i + 1])
  if refused[ARGV[i]] then  -- what was refused is replaced, and no longer refused
    redis.call('HDEL', row(pk), FLAG .. ARGV[i])
    refused[ARGV[i]] = nil
  end
end
if waiting and next(refused) == nil then
  redis.call('HDEL', DEAD, pk)
end
local first = 0
if not was_in_line then
  redis.call('ZADD', PENDING, stamp, pk)
  if redis.call('RPUSH', QUEUE, pk) == 1 then first = 1 end
end
return {stamp, redis.call('HGETALL', row(pk)), redis.call('HKEYS', VERSIONS), first}

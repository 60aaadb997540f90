#!lua flags=allow-oom
-- ack(keys=[queue], args=[pk, stamp, pk, stamp, ...])
--   The database has each row up to $stamp: drops those fields. A row with newer ones goes back to the end of the list.
--   A late acknowledgement, after the claim was given to somebody else, only removes what it did flush.
--   Returns 1 if flushing had stopped; the database has taken a batch, so it has not any more.
--
-- $pk     the row
-- $stamp  16 digits, the newest of the fields that were flushed

local flushed_whole, finished = {}, {}

local function is_whole(pk, flushed)  -- nothing newer waits
  local waiting = redis.pcall('HVALS', row(pk))
  for i = 1, #waiting do
    if waiting[i]:sub(1, 16) > flushed then return false end
  end
  return #waiting > 0
end

for i = 1, #ARGV, 2 do
  local pk, flushed = ARGV[i], ARGV[i + 1]
  if is_whole(pk, flushed) then
    flushed_whole[#flushed_whole + 1], finished[#finished + 1] = row(pk), pk
  else
    local _, left = drop_fields(pk, function(stamp) return stamp <= flushed end)
    redis.call('HDEL', REAPED, pk)
    local held = redis.call('ZREM', CLAIMED, pk) == 1
    if left then
      redis.call('ZADD', PENDING, left, pk)
      if held then redis.call('RPUSH', QUEUE, pk) end
    end
  end
end
for i = 1, #flushed_whole, 1000 do
  redis.call('DEL', unpack(flushed_whole, i, math.min(i + 999, #flushed_whole)))
end
forget(finished)
return redis.call('DEL', STOPPED)

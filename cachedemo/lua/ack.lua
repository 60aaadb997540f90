#!lua flags=allow-oom
-- ack(keys=[queue], args=[pk, stamp, pk, stamp, ...])
--   The source has each row up to $stamp: drops those fields. A row with newer ones goes back to the end of the list.
--   A late acknowledgement, after the claim was given to somebody else, only removes what it did flush.
--
-- $pk     the row
-- $stamp  16 digits, the newest of the fields that were flushed

local finished = {}
for i = 1, #ARGV, 2 do
  local pk, flushed = ARGV[i], ARGV[i + 1]
  local there, left = drop_fields(pk, function(stamp) return stamp <= flushed end)
  if there > 0 and not left then
    finished[#finished + 1] = pk
  else
    redis.call('HDEL', REAPED, pk)
    local held = redis.call('ZREM', CLAIMED, pk) == 1
    if left then
      redis.call('ZADD', PENDING, left, pk)
      if held then redis.call('RPUSH', QUEUE, pk) end
    end
  end
end
forget(finished)

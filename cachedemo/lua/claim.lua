#!lua flags=allow-oom
-- claim(keys=[queue], args=[batch_size, claim_for, max_reaped, owner])
--   Pops ids for one flush and notes its deadline, so that nothing is lost if the flusher dies. An id for which
--   nothing waits any more is skipped; a row that outlived too many flushers comes alone, in case it kills them.
--   Returns the versions and, for each row, its id and its pending fields (or an error in words).
--
-- $batch_size  rows
-- $claim_for   microseconds until the rows are given to somebody else
-- $max_reaped  after so many lost flushes a row comes alone
-- $owner       who takes the batch, for operators to see: host:pid and something of its own

local deadline = digits(now() + ARGV[2])
local batch = {}
while #batch < tonumber(ARGV[1]) do
  local pk = redis.call('LPOP', QUEUE)
  if not pk then break end
  local fields = redis.pcall('HGETALL', row(pk))
  if fields.err or #fields > 0 then
    local alone = tonumber(redis.call('HGET', REAPED, pk) or '0') >= tonumber(ARGV[3])
    if alone and #batch > 0 then
      redis.call('LPUSH', QUEUE, pk)
      break
    end
    redis.call('ZADD', CLAIMED, deadline, pk)
    batch[#batch + 1] = {pk, fields.err or fields}
    if alone then break end
  end
end
if #batch > 0 then redis.call('ZADD', FLUSHERS, deadline, ARGV[4]) end
return {redis.call('HKEYS', VERSIONS), batch}

#!lua flags=allow-oom
-- stamp(keys=[queue], args=[pk, token, owed_for, floor, gone_for, version])
--   Hands a writer of the database its stamp, always after its mark, and notes that it is under way.
--   Returns the stamp, the pending fields of the row with their flags, the versions, and what is announced of the writer's own.
--
-- $pk        the row, or '' for one that is about to be created
-- $token     16 characters that name the writer
-- $owed_for  microseconds after which the writer counts as dead
-- $floor     a stamp that the new one must pass
-- $gone_for  microseconds for which write-behind is refused, 0 unless the row is being deleted
-- $version   the writer's own

local pk = ARGV[1]
local fields = {}
if pk ~= '' then
  fields = select(3, waiting_fields(pk))
  bound_owed()
  redis.call('ZADD', OWED, digits(now() + ARGV[3]), pk .. ':' .. ARGV[2])
  if ARGV[5] ~= '0' then
    redis.call('ZADD', GONE, digits(now() + ARGV[5]), pk)
  end
end
local stamp = next_stamp(math.max(tonumber(ARGV[4]), newest(fields)))
return {stamp, fields, redis.call('HKEYS', VERSIONS), redis.call('HGET', VERSIONS, ARGV[6])}

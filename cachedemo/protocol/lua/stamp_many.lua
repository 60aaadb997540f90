#!lua flags=allow-oom
-- stamp_many(keys=[queue], args=[token, owed_for, floor, pk...])
--   Hands one stamp to a writer of many rows that it has locked, and notes that it is under way with each of them.
--   Returns the stamp, the versions, and the pending fields of each row with their flags.
--
-- $token     16 characters that name the writer
-- $owed_for  microseconds after which the writer counts as dead
-- $floor     a stamp that the new one must pass
-- $pk        the rows; none for rows that are about to be created

local deadline = digits(now() + ARGV[2])
local top, pending, owed = tonumber(ARGV[3]), {}, {}
for i = 4, #ARGV do
  local fields = select(3, waiting_fields(ARGV[i]))
  seal(ARGV[i], fields)
  top = math.max(top, newest(fields))
  pending[#pending + 1] = fields
  owed[#owed + 1], owed[#owed + 2] = deadline, ARGV[i] .. ':' .. ARGV[1]
end
bound_owed()
call_with_all('ZADD', OWED, owed)
return {next_stamp(top), redis.call('HKEYS', VERSIONS), pending}

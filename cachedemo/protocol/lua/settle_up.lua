#!lua flags=allow-oom
-- settle_up(keys=[queue], args=[pk, token, stamp, own, version...])
--   The last step of a writer of the database: drops the waiting fields that its write superseded and takes it out of
--   the writers under way. A version that appeared since it looked may hold an older value: then the writer stays
--   owed, and the new versions are returned for it to empty their slots and settle up again.
--   Returns these, and what is announced of the writer's own.
--
-- $pk       the row
-- $token    16 characters that name the writer
-- $stamp    what the database has now; 0 supersedes nothing
-- $own      the writer's own version
-- $version  each version whose slot the writer has finished

local pk = ARGV[1]
supersede(pk, ARGV[3])

local finished, appeared = {}, {}
for i = 5, #ARGV do finished[ARGV[i]] = true end
for _, version in ipairs(redis.call('HKEYS', VERSIONS)) do
  if not finished[version] then appeared[#appeared + 1] = version end
end
if #appeared == 0 then
  redis.call('ZREM', OWED, pk .. ':' .. ARGV[2])
end
return {appeared, redis.call('HGET', VERSIONS, ARGV[4])}

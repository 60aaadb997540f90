#!lua flags=allow-oom
-- end_deletion(keys=[versions, deletion], args=[version, begun, now, kept])
--   Takes a version out of the set, unless somebody has cancelled its deletion, or begun it anew, at the last moment:
--   then it is served again. Returns 1 if it is out.
--
-- $versions  hash, version -> JSON: since, fields, state
-- $deletion  hash: state, deleted, total, begun, updated, by
-- $begun     as it was when this deletion began
-- $kept      seconds for which its progress can still be seen

local state, begun = unpack(redis.call('HMGET', KEYS[2], 'state', 'begun'))
if state ~= 'running' or begun ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'state', 'done', 'updated', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1

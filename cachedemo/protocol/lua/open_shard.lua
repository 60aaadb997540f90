#!lua flags=allow-oom
-- open_shard(keys=[queue], args=[run])
--   The shard is current. Returns 'OVERTAKEN' or 'OPEN'.

if is_overtaken(ARGV[1]) then return 'OVERTAKEN' end
if IS_SHARD then
  redis.call('SET', OPENED, ARGV[1])
elseif HAS_ENDED then
  redis.call('DEL', CLOSED)
end
redis.call('DEL', DRAINING)
return 'OPEN'

#!lua flags=allow-oom
-- drain_shard(keys=[queue], args=[run])
--   From here on the shard takes no write-behind. Returns 'OVERTAKEN', 'OFF' if an operator has switched off, 'ENDED' if
--   it is not current any more, or 'DRAINING'.

if is_overtaken(ARGV[1]) then return 'OVERTAKEN' end
if not is_open() then return 'ENDED' end
if NOTE then return 'OFF' end
redis.call('SET', DRAINING, ARGV[1])
return 'DRAINING'

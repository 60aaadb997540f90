#!lua flags=allow-oom
-- set_shards(keys=[queue], args=[known, record])
--   Changes what stands in the queue of how many shards there are, if it still is what was seen. Returns 1 if it was.

if (redis.call('GET', SHARDS) or '') ~= ARGV[1] then return 0 end
redis.call('SET', SHARDS, ARGV[2])
return 1

#!lua flags=allow-oom
-- begin_shards(keys=[queue], args=[record, note])
--   A queue that nobody has ever used begins in several shards, as its registration says. Returns 1 if it does.

if redis.call('EXISTS', SHARDS, CLOCK, VERSIONS, PENDING, CLOSED) > 0 then return 0 end
redis.call('SET', SHARDS, ARGV[1])
redis.call('SET', CLOSED, ARGV[2])
redis.call('SET', RUN, 1)
return 1

#!lua flags=allow-oom
-- clear_shard(keys=[queue], args=[run])
--   Empties a shard that is not current: of what an earlier attempt has put there, or of what has moved on. Its clock
--   stays. Returns 'OVERTAKEN', 'OPEN' if it is current (and does nothing), or 'CLEARED'.

if is_overtaken(ARGV[1]) then return 'OVERTAKEN' end
if is_open() then return 'OPEN' end
for _, pk in ipairs(redis.call('ZRANGE', PENDING, 0, -1)) do redis.call('DEL', row(pk)) end
redis.call('DEL', QUEUE, PENDING, CLAIMED, REAPED, DEAD, OWED, GONE, FLUSHERS, VERSIONS, STOPPED, DRAINING)
return 'CLEARED'

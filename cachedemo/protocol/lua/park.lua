#!lua flags=allow-oom
-- park(keys=[queue], args=[pk, parked_for])
--   Leaves a claimed row to another flush: an early deadline brings it back, at the end of the list and uncounted.
--
-- $pk          the row
-- $parked_for  microseconds until then

redis.call('HSET', REAPED, ARGV[1], -1)
redis.call('ZADD', CLAIMED, 'XX', 'LT', digits(now() + ARGV[2]), ARGV[1])

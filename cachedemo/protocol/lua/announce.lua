#!lua flags=allow-oom
-- announce(keys=[queue], args=[version, record])
--   Notes that a version is in use, unless it is noted already. Returns what is noted of it now.
--
-- $version  its number
-- $record   JSON: since, fields, state

redis.call('HSETNX', VERSIONS, ARGV[1], ARGV[2])
return redis.call('HGET', VERSIONS, ARGV[1])

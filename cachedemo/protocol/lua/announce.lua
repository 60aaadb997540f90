#!lua flags=allow-oom
-- announce(keys=[queue], args=[version, record])
--   Notes that a version is in use, unless it is noted already. Returns what is noted of it now. While the queue is
--   closed, nothing is announced, and the note of that is returned.
--
-- $version  its number
-- $record   JSON: since, fields, state

if redis.call('EXISTS', CLOSED) == 0 then redis.call('HSETNX', VERSIONS, ARGV[1], ARGV[2]) end
return announced(ARGV[1])

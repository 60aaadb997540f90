#!lua flags=allow-oom
-- close(keys=[queue], args=[note])
--   Closes the queue, unless it is closed already: nothing is enqueued or announced any more, and nothing filled. What
--   waits is flushed as ever. Returns the note that stands there now; 'DRAINING' if the number of shards is being changed.
--
-- $note  JSON: run, since, by, state

if redis.call('EXISTS', DRAINING) == 1 then return 'DRAINING' end
redis.call('SETNX', CLOSED, ARGV[1])
return redis.call('GET', CLOSED)

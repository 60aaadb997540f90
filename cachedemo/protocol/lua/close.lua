#!lua flags=allow-oom
-- close(keys=[queue], args=[note])
--   Closes the queue, unless it is closed already: nothing is enqueued or announced any more, and nothing filled. What
--   waits is flushed as ever. Returns the note that stands there now.
--
-- $note  JSON: run, since, by, state

redis.call('SETNX', CLOSED, ARGV[1])
return redis.call('GET', CLOSED)

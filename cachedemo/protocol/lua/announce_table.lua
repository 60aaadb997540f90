#!lua flags=allow-oom
-- announce_table(keys=[tables, closed], args=[table, label])
--   Notes that rows of a table are cached; also where the queue is full, which must not keep a process from starting.
--   Returns the note of who has switched the model off, if somebody has: an operator notes it here before he looks
--   which tables there are, so that one that is new is told of it here, and the others by their queues.
--
-- $tables  set of app.Model@alias
-- $closed  hash, app.Model -> JSON, as in a queue's note
-- $table   the one that is cached now
-- $label   its model

redis.call('SADD', KEYS[1], ARGV[1])
return redis.call('HGET', KEYS[2], ARGV[2])

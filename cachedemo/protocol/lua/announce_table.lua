#!lua flags=allow-oom
-- announce_table(keys=[tables, closed, queues], args=[table, label, queue])
--   Notes that rows of a table are cached, and in which queue their writes wait; also where the queue is full, which must not keep a process from starting.
--   Returns the note of who has switched the model off, if somebody has: an operator notes it here before he looks
--   which tables there are, so that one that is new is told of it here, and the others by their queues.
--
-- $tables  set of app.Model@alias
-- $closed  hash, app.Model -> JSON, as in a queue's note
-- $queues  set of a queue, a blank, and app.Model@alias
-- $table   the one that is cached now
-- $label   its model
-- $queue   its queue

redis.call('SADD', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[3] .. ' ' .. ARGV[1])
return redis.call('HGET', KEYS[2], ARGV[2])

#!lua flags=allow-oom
-- announce_table(keys=[tables], args=[table])
--   Notes that rows of a table are cached; also where the queue is full, which must not keep a process from starting.
--
-- $tables  set of app.Model@alias
-- $table   the one that is cached now

return redis.call('SADD', KEYS[1], ARGV[1])

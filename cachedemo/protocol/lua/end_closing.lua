#!lua flags=allow-oom
-- end_closing(keys=[queue], args=[note, ended])
--   Every slot has been emptied since the queue was closed, and none filled: no version is used any more, so no writer
--   has a slot to empty. Returns 'SWITCHED' if it is not the same note any more, 'WAITS' if something waits for the
--   database (a dead letter too), and does nothing; else 'CLOSED'.
--
-- $note   as it stood there before the slots were emptied
-- $ended  the note that replaces it

local note = redis.call('GET', CLOSED)
if note == ARGV[2] then return 'CLOSED' end
if note ~= ARGV[1] then return 'SWITCHED' end
if redis.call('EXISTS', PENDING) == 1 then return 'WAITS' end
redis.call('DEL', VERSIONS)
redis.call('SET', CLOSED, ARGV[2])
return 'CLOSED'

#!lua flags=allow-oom
-- owe(keys=[queue], args=[token, pk...])
--   A cache step could not be done after the source or the queue took a write: notes, due at once, that somebody must
--   empty the slots of these rows.

local time = digits(now())
for i = 2, #ARGV do
  redis.call('ZADD', OWED, time, ARGV[i] .. ':' .. ARGV[1])
end

#!lua flags=allow-oom
-- open(keys=[queue], args=[note])
--   Opens the queue again, whose slots are empty. Returns 1 if it was closed by the same note until now.
--
-- $note  as it stood there before the slots were emptied

if redis.call('GET', CLOSED) ~= ARGV[1] then return 0 end
return redis.call('DEL', CLOSED)

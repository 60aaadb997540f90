#!lua flags=allow-oom
-- open_tables(keys=[closed], args=[label, note])
--   Lets the tables of a model be announced again. Returns 0 if somebody else has closed them since, else 1.
--
-- $closed  hash, app.Model -> JSON, as in a queue's note
-- $label   the model
-- $note    as it stood there before, or '' if there was none

local note = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if note ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1

#!lua flags=allow-oom
-- end_shard(keys=[queue], args=[run, note])
--   The shard is not current any more, if nothing waits in it but dead letters. Returns 'OVERTAKEN', 'OFF', 'WAITS', or
--   16 digits of its clock: no stamp of it will be higher.
--
-- $note  what flush:users answers from here on

if is_overtaken(ARGV[1]) then return 'OVERTAKEN' end
if is_open() then
  if NOTE then return 'OFF' end
  if redis.call('EXISTS', DRAINING) == 0 then return 'OVERTAKEN' end
  if redis.call('EXISTS', QUEUE, CLAIMED) > 0 then return 'WAITS' end
  if IS_SHARD then redis.call('DEL', OPENED) else redis.call('SET', CLOSED, ARGV[2]) end
end
return digits(proper(tonumber(redis.call('GET', CLOCK) or '0')))

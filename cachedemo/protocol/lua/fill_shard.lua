#!lua flags=allow-oom
-- fill_shard(keys=[queue], args=[run, clock, command, part, count, argument..., command, part, ...])
--   Puts into a shard that is not current yet what moves there. Returns 'OVERTAKEN' or 'FILLED'.
--
-- $clock     no stamp of it will be lower
-- $command   with the part of the key, and so many arguments

if is_open() or redis.call('GET', RUN) ~= ARGV[1] then return 'OVERTAKEN' end
redis.call('SET', CLOCK, digits(math.max(tonumber(ARGV[2]), proper(tonumber(redis.call('GET', CLOCK) or '0')))))
local i = 3
while i <= #ARGV do
  local count = tonumber(ARGV[i + 2])
  redis.call(ARGV[i], BASE .. ARGV[i + 1], unpack(ARGV, i + 3, i + 2 + count))
  i = i + 3 + count
end
return 'FILLED'

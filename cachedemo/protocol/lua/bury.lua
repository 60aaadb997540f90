#!lua flags=allow-oom
-- bury(keys=[queue], args=[pk, letter, field, waiting, field, waiting, ...])
--   Makes a claimed row a dead letter, but only if what waits for it still is what was refused; else it goes back to
--   the list. Its fields stay, so reads still return what was acknowledged. Returns 1 if it is dead now.
--
-- $pk               the row
-- $letter           JSON: refused stamps, error
-- $field $waiting   what was refused, as it stands in the row's hash

local pk = ARGV[1]
if redis.call('ZREM', CLAIMED, pk) == 0 then
  return 0
end
local refused = {}
for i = 3, #ARGV, 2 do refused[ARGV[i]] = ARGV[i + 1] end
local fields = redis.pcall('HGETALL', row(pk))
if not fields.err then
  for i = 1, #fields, 2 do
    if refused[fields[i]] ~= fields[i + 1] then
      redis.call('RPUSH', QUEUE, pk)
      return 0
    end
  end
end
redis.call('HSET', DEAD, pk, ARGV[2])
return 1

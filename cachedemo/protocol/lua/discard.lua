#!lua flags=allow-oom
-- discard(keys=[queue], args=[pk...])
--   Forgets dead letters: what was refused is given up, and the slots that still show it are owed to be emptied.
--   A row that a newer write has revived is not dead any more and is left alone. Returns how many were dead.

local discarded = 0
for _, pk in ipairs(ARGV) do
  if redis.call('HEXISTS', DEAD, pk) == 1 then
    redis.call('DEL', row(pk))
    forget({pk})
    redis.call('ZADD', OWED, digits(now()), pk .. ':cache')
    discarded = discarded + 1
  end
end
return discarded

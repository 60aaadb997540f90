#!lua flags=allow-oom
-- discard(keys=[queue], args=[pk...])
--   Forgets dead letters: what was refused is given up, and the slots that still show it are owed to be emptied.
--   What else waits for the row is left alone, increments that stand behind it too, and so is a row that is not dead any
--   more. Returns how many were dead.

local discarded = 0
for _, pk in ipairs(ARGV) do
  if redis.call('HEXISTS', DEAD, pk) == 1 then
    local fields, refused = waiting_fields(pk)
    if next(refused) == nil then
      redis.call('DEL', row(pk))
      forget({pk})
    else
      local was_in_line = is_in_line(pk, fields, refused)
      drop_fields(pk, fields, refused, function(name) return refused[name] == true end)  -- not what is behind it
      put_in_place(pk, was_in_line)
    end
    owe({pk})
    discarded = discarded + 1
  end
end
return discarded

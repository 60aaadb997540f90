#!lua flags=allow-oom
-- settle_up_many(keys=[queue], args=[token, stamp, named, how_many, version..., pk...])
--   What settle_up does, for a writer of many rows. Returns the versions whose slots it must still empty.
--
-- $token     16 characters that name the writer
-- $stamp     what the database has now of each row; 0 supersedes nothing
-- $named     names of the fields that it wrote, each between commas; * for all
-- $how_many  versions follow
-- $version   each version whose slots the writer has finished
-- $pk        the rows

local finished, owed, was_shown = {}, {}, false
local first = 5 + tonumber(ARGV[4])
for i = 5, first - 1 do finished[ARGV[i]] = true end
for i = first, #ARGV do
  was_shown = supersede(ARGV[i], ARGV[2], ARGV[3]) or was_shown
  owed[#owed + 1] = ARGV[i] .. ':' .. ARGV[1]
end
local to_empty = versions_to_empty(finished, was_shown)
if #to_empty == 0 then call_with_all('ZREM', OWED, owed) end
return to_empty

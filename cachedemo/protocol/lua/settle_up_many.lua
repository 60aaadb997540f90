#!lua flags=allow-oom
-- settle_up_many(keys=[queue], args=[token, stamp, how_many, version..., pk...])
--   What settle_up does, for a writer of many rows: drops what it superseded, and takes it out of the writers under way
--   unless a version has appeared since it looked.
--
-- $token     16 characters that name the writer
-- $stamp     what the database has now of each row; 0 supersedes nothing
-- $how_many  versions follow
-- $version   each version whose slots the writer has finished
-- $pk        the rows

local finished, appeared, owed = {}, {}, {}
local first = 4 + tonumber(ARGV[3])
for i = 4, first - 1 do finished[ARGV[i]] = true end
for i = first, #ARGV do
  supersede(ARGV[i], ARGV[2])
  owed[#owed + 1] = ARGV[i] .. ':' .. ARGV[1]
end
for _, version in ipairs(redis.call('HKEYS', VERSIONS)) do
  if not finished[version] then appeared[#appeared + 1] = version end
end
if #appeared == 0 then call_with_all('ZREM', OWED, owed) end
return appeared

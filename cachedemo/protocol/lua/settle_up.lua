#!lua flags=allow-oom
-- settle_up(keys=[queue], args=[pk, token, stamp, named, own, version...])
--   The last step of a writer of the database: drops the waiting fields that its write superseded and takes it out of
--   the writers under way. A version that appeared since it looked may hold an older value: then the writer stays
--   owed, and the new versions are returned for it to empty their slots and settle up again. All of them are, if readers
--   have seen a refused value that this write replaces.
--   Returns these, and what is announced of the writer's own.
--
-- $pk       the row
-- $token    16 characters that name the writer
-- $stamp    what the database has now; 0 supersedes nothing
-- $named    names of the fields that it wrote, each between commas; * for all
-- $own      the writer's own version
-- $version  each version whose slot the writer has finished

local pk, finished = ARGV[1], {}
for i = 6, #ARGV do finished[ARGV[i]] = true end

local function settled(was_shown)
  local to_empty = versions_to_empty(finished, was_shown)
  if #to_empty == 0 then
    redis.call('ZREM', OWED, pk .. ':' .. ARGV[2])
  end
  return {to_empty, announced(ARGV[5])}
end

if redis.call('EXISTS', row(pk)) == 0 then  -- as most often: there is nothing to supersede
  return settled(false)
end

-- rows.lua
return settled(supersede(pk, ARGV[3], ARGV[4]))

#!lua flags=allow-oom
-- settle_up(keys=[queue], args=[pk, token, stamp, named, version...])
--   The last step of a writer of the database: drops the waiting fields that its write superseded and takes it out of
--   the writers under way. A version that appeared since it looked may hold an older value: then the writer stays
--   owed, and the new versions are returned for it to empty their slots and settle up again.
--   What is refused is dropped only by a write that names the field. Until now readers laid it over what this write has
--   written, and may have filled slots with it: then all versions are returned, in the same way.
--
-- $pk       the row
-- $token    16 characters that name the writer
-- $stamp    what the database has now; 0 supersedes nothing
-- $named    names of the fields that it wrote, each between commas; * for all
-- $version  each version whose slot the writer has finished

local pk = ARGV[1]
local function is_named(field)
  return ARGV[4] == '*' or ARGV[4]:find(',' .. field .. ',', 1, true) ~= nil
end

local fields, refused = waiting_fields(pk)
local was_in_line = #fields > 0 and is_in_line(pk, fields, refused)
local function is_superseded(field, stamp)
  return stamp < ARGV[3] and (not refused[field] or is_named(field))
end
local dropped, was_shown = drop_fields(pk, fields, refused, is_superseded)
if dropped then put_in_place(pk, was_in_line) end

local finished, appeared = {}, {}
for i = 5, #ARGV do finished[ARGV[i]] = true end
for _, version in ipairs(redis.call('HKEYS', VERSIONS)) do
  if was_shown or not finished[version] then appeared[#appeared + 1] = version end
end
if #appeared == 0 then
  redis.call('ZREM', OWED, pk .. ':' .. ARGV[2])
end
return appeared

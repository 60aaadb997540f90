#!lua flags=allow-oom
-- rights(keys=[key], args=[command, ...])
--   Returns those of the commands that this user may not send, or not for this key, or that the server does not know.
--   Changes nothing.
--
-- $key      of the kind that they are sent for
-- $command  as an ACL has it: get, config|get

local missing = {}
for _, command in ipairs(ARGV) do
  local words = {}
  for word in command:gmatch('[^|]+') do words[#words + 1] = word end
  if words[1] == 'eval' or words[1] == 'evalsha' then
    words[2], words[3] = '', 1  -- the number of its keys
  end
  words[#words + 1] = KEYS[1]
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  if not (known and allowed) then missing[#missing + 1] = command end
end
return missing

#!lua flags=allow-oom
-- unmark(keys=[slot], args=[token])
--   The database refused the write for certain. Puts the value under the writer's own mark back, with the time to live
--   it has left; any other slot is none of this writer's business.
--
-- $slot   string: V, N, L or T (see slots.py)
-- $token  16 characters that name the writer

local slot = redis.pcall('GET', KEYS[1])
if type(slot) ~= 'string' or slot:sub(1, 17) ~= 'T' .. ARGV[1] then
  return
end
local time = redis.call('TIME')
local left = tonumber(slot:sub(18, 30)) - (time[1] * 1000 + math.floor(time[2] / 1000))
if #slot > 30 and left > 0 then
  redis.call('SET', KEYS[1], slot:sub(31), 'PX', string.format('%.0f', left))
else
  redis.call('DEL', KEYS[1])
end

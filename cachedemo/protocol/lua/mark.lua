#!lua flags=allow-oom
-- mark(keys=[slot], args=[token, lifetime])
--   A writer's sign over a slot that a database write is under way. The old value stays readable inside it, because
--   nobody has acknowledged the new one yet. Returns how that begins: its kind, its stamp, the server that it names.
--
-- $slot      string: V, N, L or T (see slots.py)
-- $token     16 characters that name the writer
-- $lifetime  milliseconds after which the mark is gone by itself

local slot = redis.pcall('GET', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local old, expiry = '', 0

if type(slot) == 'string' then
  local kind = slot:sub(1, 1)
  if kind == 'V' or kind == 'N' then
    old, expiry = slot, now + redis.call('PTTL', KEYS[1])
  elseif kind == 'T' then
    old, expiry = slot:sub(31), tonumber(slot:sub(18, 30)) or 0
  end
  if expiry <= now then
    old, expiry = '', 0
  end
end

redis.call('SET', KEYS[1], 'T' .. ARGV[1] .. string.format('%013.0f', expiry) .. old, 'PX', ARGV[2])
return old:sub(1, 21)

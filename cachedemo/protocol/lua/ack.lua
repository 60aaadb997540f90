#!lua flags=allow-oom
-- ack(keys=[queue], args=[stamps, pk...])
--   The database has each row up to its stamp: drops those fields, but none that is refused. A row with newer ones goes
--   back to the end of the list.
--   A late acknowledgement, after the claim was given to somebody else, only removes what it did flush.
--   Returns 1 if flushing had stopped; the database has taken a batch, so it has not any more.
--
-- $stamps  16 digits for each row, the newest of the fields that were flushed
-- $pk      the rows

local flushed_whole, finished = {}, {}

-- batch.lua

local function is_whole(fields, refused, flushed)  -- nothing newer waits, and nothing is refused
  for i = 2, #fields, 2 do
    if fields[i]:sub(1, 16) > flushed then return false end
  end
  return #fields > 0 and next(refused) == nil
end

-- Drops what the database has of a row that may have more, or be refused. Returns whether it is all, and does nothing then.
local function drop(pk, flushed)
  local fields, refused = waiting_fields(pk)
  if is_whole(fields, refused, flushed) then
    return true
  end
  local was_in_line = is_in_line(pk, fields, refused)
  drop_fields(pk, fields, refused, function(name, stamp) return stamp <= flushed and not refused[name] end)
  redis.call('HDEL', REAPED, pk)
  local held = redis.call('ZREM', CLAIMED, pk) == 1
  if #fields > 0 then put_in_place(pk, was_in_line and not held) end
end

local stamps, pks = ARGV[1], {}
for i = 2, #ARGV do pks[i - 1] = ARGV[i] end
local keys, texts = strings_of(pks)
for i = 1, #pks do
  local text, flushed = texts[i], stamps:sub(16 * i - 15, 16 * i)
  if text and is_packed(text) and text:sub(2, 17) <= flushed or drop(pks[i], flushed) then
    finished[#finished + 1], flushed_whole[#flushed_whole + 1] = pks[i], keys[i]
  end
end
for i = 1, #flushed_whole, 1000 do
  redis.call('DEL', unpack(flushed_whole, i, math.min(i + 999, #flushed_whole)))
end
forget(finished)
return redis.call('DEL', STOPPED)

-- What stands there of many rows at once; put into claim.lua and ack.lua, where they say "-- batch.lua".

-- The keys of these rows, and what stands there as a string, false where nothing does.
local function strings_of(pks)
  local keys, texts = {}, {}
  for i = 1, #pks do keys[i] = BASE .. 'row:' .. pks[i] end
  for i = 1, #pks, 1000 do
    local some = redis.call('MGET', unpack(keys, i, math.min(i + 999, #pks)))
    if i == 1 then texts = some else for j = 1, #some do texts[i + j - 1] = some[j] end end
  end
  return keys, texts
end

#!lua flags=allow-oom
-- retry(keys=[queue], args=[pk...])
--   Gives what was refused back to the flush, at a new stamp: the row may have passed the old one without it. Leaves a
--   row alone while a writer of the database is under way: it may have written the field already, at a lower stamp.
--   Increments keep their place behind the value that they were added to.
--   Returns how many of these rows were dead and are not any more.

local being_written = under_way()

local function in_order(fields)  -- values first, deltas by their first stamps
  local names, values = {}, {}
  for i = 1, #fields, 2 do
    names[#names + 1], values[fields[i]] = fields[i], fields[i + 1]
  end
  table.sort(names, function(one, other)
    local first, second = select(2, field_of(one)) or '', select(2, field_of(other)) or ''
    return first < second or (first == second and one < other)
  end)
  return names, values
end

local function restamp(pk, fields, refused)
  local names, values = in_order(fields)
  for _, name in ipairs(names) do
    local value = values[name]
    if refused[name] then
      redis.call('HDEL', row(pk), FLAG .. name)
      if proper(tonumber(value:sub(1, 16))) ~= 0 then
        local stamp = next_stamp(newest(fields))
        local field, first = field_of(name)
        if first then
          redis.call('HDEL', row(pk), name)
          value = refused[name] == BEHIND and value or value:sub(1, 16) .. '[' .. value:sub(17) .. ']'
        end
        redis.call('HSET', row(pk), first and field .. DELTA .. stamp or name, stamp .. value:sub(17))
      end
    end
  end
end

local retried = 0
for _, pk in ipairs(ARGV) do
  if not being_written[pk] and redis.call('HDEL', DEAD, pk) == 1 then
    local fields, refused = waiting_fields(pk)
    redis.call('HDEL', REAPED, pk)
    if next(refused) == nil then
      redis.call('RPUSH', QUEUE, pk)
    else
      local was_in_line = has_unrefused(fields, refused)
      restamp(pk, fields, refused)
      put_in_place(pk, was_in_line)
    end
    retried = retried + 1
  end
end
return retried

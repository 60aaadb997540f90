#!lua flags=allow-oom
-- stamp(keys=[queue], args=[token, owed_for, floor, gone_for, version, pk])
--   Hands a writer of the database its stamp, always after its mark, and notes that it is under way.
--   Returns the stamp, the pending fields of the row with their flags, the versions, and what is announced of the writer's own.
--
-- $token     16 characters that name the writer
-- $owed_for  microseconds after which the writer counts as dead
-- $floor     a stamp that the new one must pass
-- $gone_for  microseconds for which write-behind is refused, 0 unless the row is being deleted
-- $version   the writer's own
-- $pk        the row; none for one that is about to be created: any text may be a key, the empty one too

local pk = ARGV[6]
local waits = pk and redis.pcall('GET', row(pk))
if pk then
  bound_owed()
  redis.call('ZADD', OWED, digits(now() + ARGV[2]), pk .. ':' .. ARGV[1])
  if ARGV[4] ~= '0' then
    -- Where nobody reaps, those who delete forget the deletions that are long over: more than they add.
    local over = redis.call('ZRANGEBYSCORE', GONE, '-inf', digits(now()), 'LIMIT', 0, 10)
    if #over > 0 then redis.call('ZREM', GONE, unpack(over)) end
    redis.call('ZADD', GONE, digits(now() + ARGV[4]), pk)
  end
end

local function answer(fields)
  local stamp = next_stamp(math.max(tonumber(ARGV[3]), newest(fields)))
  return {stamp, fields, redis.call('HKEYS', VERSIONS), announced(ARGV[5])}
end

if not waits then  -- as most often
  return answer({})
end

-- rows.lua
local fields = fields_of(pk)
if not fields.err and is_plain(fields) then  -- nothing to seal, and no flag to look at
  return answer(fields)
end
fields = select(3, waiting_fields(pk))
seal(pk, fields)
return answer(fields)

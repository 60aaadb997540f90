-- A queue that is kept in several shards has its rows there: what stands at `closed` says so, and is all that it answers.
do
  local note = redis.call('GET', CLOSED)
  if note and note:sub(1, 9) == '{"shards"' then return note end
end

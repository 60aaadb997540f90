-- Takes two steps of a queue, `first` and `second`, with the arguments of each: see joint_script.

local count = tonumber(ARGV[1])

local function arguments(from, to)
  local some = {}
  for i = from, to do some[#some + 1] = ARGV[i] end
  return some
end

local answer = first(arguments(2, 1 + count))
return {answer, second(arguments(2 + count, #ARGV))}

-- Very many fibers, joined, detached or forgotten: memory stays where it was.
local function round(n)
  for i = 1, n do
    local kind = i % 4
    local fiber = spawn(function(...) if kind == 3 then this_fiber.yield() end return ... end, i)
    if kind == 0 then fiber:detach() elseif kind == 1 then assert(fiber:join() == i) end
    if i % 100 == 0 then this_fiber.yield() this_fiber.yield() end
  end
  this_fiber.yield() this_fiber.yield()
  collectgarbage() collectgarbage()
  return collectgarbage('count')
end
local before = round(10000)
local after = round(200000)
print(after - before < 128 and 'flat' or after - before)

-- A fiber's end resumes its joiner before the fibers that were ready.
local log = {}
local function note(text) log[#log + 1] = text end
local worker = spawn(function()
  this_fiber.yield()
  note('worker ends')
end)
local joiner = spawn(function()
  worker:join()
  note('joiner')
end)
for i = 1, 3 do
  spawn(function()
    this_fiber.yield()
    note('other ' .. i)
  end):detach()
end
joiner:join()
note('main')
this_fiber.yield()
print(table.concat(log, ', '))

-- A chain of joiners unwinds in one go.
log = {}
local first = spawn(function() this_fiber.yield() this_fiber.yield() note('first') end)
local chain = first
for i = 1, 3 do
  local previous = chain
  chain = spawn(function() previous:join() note('chain ' .. i) end)
end
local busy = spawn(function() for i = 1, 4 do note('busy') this_fiber.yield() end end)
chain:join()
print(table.concat(log, ', '))
busy:join()

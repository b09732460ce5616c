local future = require 'future'

local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  local text = tostring(e):gsub('^.-(bad argument #%d+) to %S+', '%1'):gsub('(block):.*', '%1')
  return text, type(e) == 'table' and e.arg or nil
end

local p, f = future.new()
print(getmetatable(p), getmetatable(f), f.ready)
print(fails(function() return f.x end), fails(function() return p.x end))
print(fails(p.set_error, p, nil))
print(fails(p.set_error, p))
print(fails(p.set_value, f, 1))
print(fails(f.get, p))
for _, t in ipairs { 0 / 0, 1 / 0, -1 } do print(fails(f.wait_for, f, t)) end
print(f:wait_for(0), f:wait_for(0.002))

-- several waiters, in their order; who sets runs on
local out = {}
local w = {}
for i = 1, 3 do
  w[i] = spawn(function() out[#out + 1] = i .. tostring(f:get()) end)
end
w[4] = spawn(function() out[#out + 1] = tostring(f:wait_for(60)) end)
this_fiber.yield()
p:set_value('v')
out[#out + 1] = 'set'
for _, fiber in ipairs(w) do fiber:join() end
print(table.concat(out, ' '), f.ready)
print(f:get(), f:get(), f:wait_for(0), f:wait_for(1))
print(fails(p.set_value, p, 2))
print(fails(p.set_error, p, 2))

-- nil is a value, also with none given; one value only
p, f = future.new()
p:set_value(nil)
print(f.ready, select('#', f:get()), f:get())
p, f = future.new()
p:set_value()
print(f.ready, select('#', f:get()), f:get())
p, f = future.new()
p:set_value(1, 2)
print(f:get())

-- errors: any value, the same one each time
p, f = future.new()
local e = { 'an error' }
w = spawn(function()
  local ok, got = pcall(f.get, f)
  return not ok and got == e
end)
this_fiber.yield()
p:set_error(e)
print(w:join(), select(2, pcall(f.get, f)) == e, f.ready, f:wait_for(0))
p, f = future.new()
p:set_error('text')
print(pcall(f.get, f))

-- a promise that is collected: those who wait and those who come later
p, f = future.new()
w = spawn(function() return fails(f.get, f) end)
local timed = spawn(function() return f:wait_for(60) end)
this_fiber.yield()
p = nil
collectgarbage()
collectgarbage()
print(w:join())
print(timed:join(), f.ready)
print(fails(f.get, f))

-- … but not if it was settled before, fetched or not
p, f = future.new()
w = spawn(function() return f:get() end)
this_fiber.yield()
p:set_value { 'kept' }
p = nil
collectgarbage()
collectgarbage()
print(w:join()[1], f:get()[1])
p, f = future.new()
p:set_error 'kept error'
p = nil
collectgarbage()
collectgarbage()
print(pcall(f.get, f))

-- the promise alone keeps working
p, f = future.new()
f = nil
collectgarbage()
collectgarbage()
p:set_value(1)

-- interruption: while it waits, and after it was settled
p, f = future.new()
w = spawn(function() return f:get() end)
local late = spawn(function()
  local v = f:get()
  out = v
  this_fiber.yield()
  out = 'never'
end)
this_fiber.yield()
w:interrupt()
p:set_value 'settled'
late:interrupt()
w:join()
late:join()
print(w.interruption_caught, late.interruption_caught, out)

-- where suspending is forbidden, even if it is settled
this_fiber.forbid_suspend()
print(fails(f.get, f))
this_fiber.allow_suspend()

-- no timer and no place in a queue is left behind
p, f = future.new()
for _ = 1, 3000 do assert(f:wait_for(1e-6) == false) end
p:set_value(1)
print(f:get())

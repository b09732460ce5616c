-- run once
local function inner()
  local nothing
  nothing()
end
local function outer()
  coroutine.wrap(inner)()
end
spawn(function()
  -- An error that was caught on the way leaves no trace.
  pcall(coroutine.wrap(function() error('caught') end))
  local resume = coroutine.wrap(outer)
  resume()
end):detach()
this_fiber.yield()
-- Passed on by hand.
spawn(function()
  local co = coroutine.create(function() error({}) end)
  local ok, e = coroutine.resume(co)
  error(e)
end):detach()
this_fiber.yield()
spawn(function()
  pcall(coroutine.wrap(function() error('caught') end))
  error('another')
end):detach()

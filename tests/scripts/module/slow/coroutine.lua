local co = coroutine.wrap(function() this_fiber.yield() coroutine.yield('in a coroutine') end)
value = co()

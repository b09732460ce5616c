-- Its own fiber needs it, and it does not wait for that fiber before it is loaded.
worker = spawn(function() return require('../uses_waits').name end)
this_fiber.yield()
this_fiber.yield()
name = 'waits'

print 'body runs'
this_fiber.yield()
this_fiber.yield()
value = 'ready'

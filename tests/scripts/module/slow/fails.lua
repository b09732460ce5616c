print 'failing body runs'
this_fiber.yield()
error({why = 'broken'}, 0)

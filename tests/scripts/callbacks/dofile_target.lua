this_fiber.yield()
return 1, nil, 2

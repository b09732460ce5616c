this_fiber.yield()
ok, other = pcall(require, '../right')

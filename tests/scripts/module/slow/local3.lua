seen, is_main, id = this_fiber.local_.seen, this_fiber.is_main, this_fiber.id

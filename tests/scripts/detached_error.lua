spawn(function()
  -- will print stacktrace to `stderr`
  error('foobar')
end):detach()

-- code here keeps running
this_fiber.yield()
print('code here keeps running')
